#pragma once
// Files of configs/ that are part of the binary, so that `moesim run quickstart` works in any folder.

#include <span>
#include <string_view>

namespace moesim {

struct Asset {
  std::string_view path;  // relative to configs/, for example "text/english.txt"
  std::string_view bytes;
};

std::span<const Asset> assets();

// nullptr when there is none of that path.
const Asset* find_asset(std::string_view path);

}  // namespace moesim
