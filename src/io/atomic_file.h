#pragma once
// write_file_atomically for bytes that do not stand next to each other.

#include <span>
#include <string>
#include <string_view>

namespace moesim {

// As write_file_atomically in io/files.h, for the concatenation of `parts`.
void write_parts_atomically(const std::string& path, std::span<const std::string_view> parts);

}  // namespace moesim
