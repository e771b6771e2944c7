#pragma once
// Private to this room: the loops over one token's numbers, compiled once for each instruction set. The files
// that implement them share no template and no inline function with the rest of the program. Every set gives
// the same bits: no fused multiply-add, sums in one order.

#include <cstdint>

namespace moesim {

enum class TopK {
  undecided,  // nothing written: too many experts, or too many that are equal; ask the general search
  clear,
  tied,  // the last one chosen equals the best one left out
};

// Rows of finite or other logits [rows, count], one after the other.
struct BestInput {
  static constexpr std::int64_t kMostExperts = 256;
  static constexpr std::int64_t kMostBest = 8;
  const float* logits;
  std::int64_t rows, count;  // 1 <= count <= kMostExperts
  std::int64_t k;            // 1 <= k <= count, kMostBest
};
// decided [rows]: where false, the rest of the row says nothing: a logit is not finite, or two scores are too
// near each other.
struct BestOutput {
  std::int32_t* chosen;  // [rows, k] experts of the highest softmax scores, best first
  float* score;          // [rows, k]
  bool* decided;
};

struct RowKernels {
  const char* name;
  // Whether no value is NaN or infinite.
  bool (*all_finite)(const float* values, std::int64_t count);
  // Scores as in router/score.h, of finite logits; count >= 1; the two may be the same memory.
  void (*softmax)(const float* logits, std::int64_t count, float* scores);
  void (*sigmoid)(const float* logits, std::int64_t count, float* scores);
  // chosen [k]: the k highest values, best first, of equal ones the lowest index. No value is NaN; 1 <= k <=
  // count.
  TopK (*top_k)(const float* values, std::int64_t count, std::int64_t k, std::int32_t* chosen);
  // What softmax and top_k say of many rows, where it is clear.
  void (*softmax_best)(const BestInput& input, const BestOutput& out);
};

// Null where the compiler does not make that set.
const RowKernels* row_kernels_avx512();
const RowKernels* row_kernels_avx2();
const RowKernels* row_kernels_portable();

}  // namespace moesim
