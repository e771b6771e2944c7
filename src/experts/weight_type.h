#pragma once
// Alone in its file because the kernels, which include nothing else of this room, need it.

namespace moesim {

// How an executor keeps the weights of the experts. Sums are float32 for all of them.
enum class WeightType { float32, bf16, fp16, int8 };
inline constexpr int kWeightTypes = 4;

}  // namespace moesim
