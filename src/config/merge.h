#pragma once
// Laying one tree over another, and what it means to name another variant.

#include <string_view>

#include "config/node.h"

namespace moesim {

// `kind` and `preset` name the variant of their section.
bool names_variant(std::string_view key);

// Whether giving `key` (kind or preset) this value makes `section` another variant, so that its old keys go.
// A section that names no variant yet keeps them: what the variant does not take is then an error, not lost.
bool changes_variant(const Node& section, std::string_view key, const Node& value);

// Maps key by key, `over` wins; lists, scalars and null are replaced whole. A section that `over` turns into
// another variant is replaced whole. Keys keep the order of `base`, new ones follow.
Node merge(Node base, const Node& over);

// Sets the value of `key`, where the key stands now at `where`.
Node& set_entry(Node& map, std::string_view key, const Location& where, Node value);

}  // namespace moesim
