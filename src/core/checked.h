#pragma once
// Arithmetic for sizes that come from a user: overflow is an error, never a small number.

#include <cstdint>
#include <initializer_list>

namespace moesim {

// All three throw Error(out_of_memory) naming `what` when the result does not fit 64 bits.
std::uint64_t checked_mul(std::uint64_t a, std::uint64_t b, const char* what);
std::uint64_t checked_add(std::uint64_t a, std::uint64_t b, const char* what);
std::uint64_t checked_product(std::initializer_list<std::uint64_t> factors, const char* what);

}  // namespace moesim
