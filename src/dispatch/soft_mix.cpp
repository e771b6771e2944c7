// Both mixtures are one loop: each output row is a weighted sum of all input rows. Blocks of output rows
// share each input row while it is in the cache; the order of the terms of one output does not depend on the
// blocks.

#include "dispatch/soft_mix.h"

#include <algorithm>

#include "core/error.h"

namespace moesim {
namespace {

constexpr Index kRowsPerBlock = 8;

// weight(i, j) = data[i * out_stride + j * in_stride]: what input row j gives to output row i.
struct MixWeights {
  const float* data = nullptr;
  Index out_stride = 0;
  Index in_stride = 0;
};

void add_scaled(std::span<const float> from, float weight, std::span<float> to) {
  for (std::size_t d = 0; d < to.size(); ++d) {
    to[d] += weight * from[d];
  }
}

void mix(const MixWeights& weights, MatrixView in, MutableMatrixView out, const Context& context) {
  context.for_each_block((out.rows + kRowsPerBlock - 1) / kRowsPerBlock, [&](Index block) {
    const Index first = block * kRowsPerBlock;
    const Index last = std::min(out.rows, first + kRowsPerBlock);
    std::fill(out.data + first * out.cols, out.data + last * out.cols, 0.0F);
    for (Index j = 0; j < in.rows; ++j) {
      for (Index i = first; i < last; ++i) {
        add_scaled(in.row(j), weights.data[i * weights.out_stride + j * weights.in_stride], out.row(i));
      }
    }
  });
}

}  // namespace

std::vector<Index> slot_begin(const SoftMix& mix) {
  const Index slots = mix.dispatch.cols();
  MOESIM_CHECK(mix.num_experts >= 1 && slots % mix.num_experts == 0,
               "slots that do not divide among the experts");
  std::vector<Index> begin(static_cast<std::size_t>(mix.num_experts) + 1);
  for (std::size_t e = 0; e < begin.size(); ++e) {
    begin[e] = static_cast<Index>(e) * (slots / mix.num_experts);
  }
  return begin;
}

void mix_in(const SoftMix& soft, MatrixView hidden, MutableMatrixView slots, const Context& context) {
  const MatrixView weights = soft.dispatch.view();
  MOESIM_CHECK(hidden.rows == weights.rows && slots.rows == weights.cols && slots.cols == hidden.cols,
               "slots that do not match the soft routing");
  mix({.data = weights.data, .out_stride = 1, .in_stride = weights.cols}, hidden, slots, context);
}

void mix_out(const SoftMix& soft, MatrixView slot_outputs, MutableMatrixView y, const Context& context) {
  const MatrixView weights = soft.combine.view();
  MOESIM_CHECK(y.rows == weights.rows && slot_outputs.rows == weights.cols && y.cols == slot_outputs.cols,
               "outputs that do not match the soft routing");
  mix({.data = weights.data, .out_stride = weights.cols, .in_stride = 1}, slot_outputs, y, context);
}

}  // namespace moesim
