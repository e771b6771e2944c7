#pragma once
// What must hold for every input; its failure ends the program, as libFuzzer and the replay expect.

#include <cstdio>
#include <cstdlib>

namespace moesim {

inline void fuzz_check(bool holds, const char* claim) {
  if (!holds) {
    std::fprintf(stderr, "does not hold: %s\n", claim);
    std::abort();
  }
}

}  // namespace moesim
