#pragma once
// Variants of an input for the ordinary test run: the same ones every time, named by (file, number).

#include <cstdint>
#include <string>
#include <string_view>

namespace moesim {

// Variant `number` of `bytes`: one to four of bit flips, cuts, inserted, replaced, repeated and removed
// pieces.
std::string mutate(std::string_view bytes, std::string_view file_name, std::uint32_t number);

}  // namespace moesim
