#include "core/checked.h"

#include <string>

#include "core/error.h"

namespace moesim {
namespace {

[[noreturn]] void too_large(const char* what) {
  throw Error(ErrorKind::out_of_memory,
              std::string("error: ") + what +
                  " does not fit 64 bits; expected a size this machine can hold "
                  "[too-large]",
              "make the layer, the batch or the number of layers smaller");
}

}  // namespace

std::uint64_t checked_mul(std::uint64_t a, std::uint64_t b, const char* what) {
  std::uint64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) {
    too_large(what);
  }
  return result;
}

std::uint64_t checked_add(std::uint64_t a, std::uint64_t b, const char* what) {
  std::uint64_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) {
    too_large(what);
  }
  return result;
}

std::uint64_t checked_product(std::initializer_list<std::uint64_t> factors, const char* what) {
  std::uint64_t result = 1;
  for (const std::uint64_t factor : factors) {
    result = checked_mul(result, factor, what);
  }
  return result;
}

}  // namespace moesim
