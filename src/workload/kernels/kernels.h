#pragma once
// Private to this room: the loop that draws logits, compiled once for each instruction set. The files that
// implement it share no template and no inline function with the rest of the program. Every set gives the
// same bits: no fused multiply-add.

#include <cstdint>

namespace moesim {

// Generators side by side: word w of generator g is word[w][g].
struct NoiseState {
  static constexpr int kGenerators = 16;
  std::uint32_t word[4][kGenerators];
};

struct NoiseKernels {
  const char* name;
  // Rows of logits [rows, experts], one after the other: popularity − ln(−log2 u), as synthetic_logits.cpp
  // defines it. `popularity` is filled up to a whole number of 16. The first `skipped` rows are drawn and not
  // written.
  void (*draw)(NoiseState& state, const float* popularity, std::int64_t experts, std::int64_t skipped,
               std::int64_t rows, float* logits);
};

// Null where the compiler does not make that set.
const NoiseKernels* noise_kernels_avx512();
const NoiseKernels* noise_kernels_avx2();
const NoiseKernels* noise_kernels_portable();

}  // namespace moesim
