#pragma once
// Private to this room: JSON (RFC 8259) as the tree that configs are read into, so that one set of checked
// readers serves both. Strict: UTF-8, one document, no key twice.

#include <string>
#include <string_view>

#include "config/node.h"

namespace moesim {

inline constexpr int kDeepestJson = 32;
inline constexpr std::size_t kMostJsonValues = 200'000;

// Strings are quoted scalars; numbers keep their digits. Every node has `where` as its place. Throws
// Error(bad_data): json-malformed, json-limit, duplicate-key.
Node parse_json(std::string_view text, const std::string& where);

}  // namespace moesim
