#pragma once
// Private to this room: routers that balance while training and take the best expert afterwards, when tokens
// come one at a time and there is no batch to balance.

#include <span>

#include "config/fields.h"

namespace moesim {

enum class RoutingMode { train, eval };

inline std::span<const EnumName<RoutingMode>> enum_names(RoutingMode) {
  static constexpr EnumName<RoutingMode> kNames[] = {{RoutingMode::train, "train"},
                                                     {RoutingMode::eval, "eval"}};
  return kNames;
}

}  // namespace moesim
