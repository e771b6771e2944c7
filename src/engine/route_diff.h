#pragma once
// Where two routers differ on the same numbers: how many tokens, at which stage first, and the worked numbers
// of the first token.

#include <optional>
#include <string>
#include <vector>

#include "engine/route.h"

namespace moesim {

// One token of one router, from logits to what is kept.
struct TokenTrace {
  std::vector<StageValues> stages;   // of routers that have any, in order
  std::vector<std::int32_t> expert;  // in selection order
  std::vector<float> weight;         // after drops: 0 where dropped
  std::vector<bool> kept;
};

struct RouteDiff {
  Index num_tokens = 0;
  Index same_experts = 0;      // tokens with the same set of kept experts
  Index same = 0;              // of those, with the same weights too (relative difference at most 1e-5)
  std::optional<Index> token;  // the first that differs
  std::string stage;  // where its two ways part: a stage's name, "selection", "weights" or "capacity"
  TokenTrace a, b;    // of that token
};

// Both must be hard routers over the same tokens; throws Error(usage) for soft routing.
struct RoutedSide {
  const Policy& policy;
  const RouteNumbers& numbers;
  const RouteResult& result;
};
RouteDiff diff_routes(const RoutedSide& a, const RoutedSide& b, const Context& context);

}  // namespace moesim
