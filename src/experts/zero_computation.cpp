#include "experts/zero_computation.h"

#include <algorithm>

#include "core/error.h"
#include "experts/row_math.h"

namespace moesim {
namespace {

constexpr Index kRowsPerBlock = 64;

struct RowBlock {
  Index expert;
  Index first;
  Index count;
};

std::vector<RowBlock> make_blocks(const ExpertRows& rows) {
  std::vector<RowBlock> blocks;
  for (Index e = 0; e < rows.bank.num_experts(); ++e) {
    const auto i = static_cast<std::size_t>(e);
    const Index end = rows.bank.kind[i] == ExpertKind::ffn ? 0 : rows.expert_begin[i + 1];
    for (Index r = rows.expert_begin[i]; r < end; r += kRowsPerBlock) {
      blocks.push_back({e, r, std::min(kRowsPerBlock, end - r)});
    }
  }
  return blocks;
}

// In place in `x`.
void run_constant(const ExpertBank& bank, Index expert, std::span<float> x) {
  const Index place = bank.constant_place(expert);
  MOESIM_CHECK(place >= 0, "a constant expert without its vector");
  const std::span<const float> v = bank.constant.row(place);
  const TwoWeights alpha = softmax_of_two(dot(bank.constant_gate.row(2 * place), x),
                                          dot(bank.constant_gate.row(2 * place + 1), x));
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = alpha.first * x[i] + alpha.second * v[i];
  }
}

void multiply(std::span<float> row, float factor) {
  for (float& v : row) {
    v *= factor;
  }
}

void run_row(const ExpertRows& rows, Index expert, Index row) {
  const std::span<float> out = rows.out.row(row);
  const ExpertKind kind = rows.bank.kind[static_cast<std::size_t>(expert)];
  if (kind == ExpertKind::zero) {
    std::fill(out.begin(), out.end(), 0.0F);
    return;
  }
  const std::span<const float> x = rows.in.from.row(rows.in.token_of(row));
  std::copy(x.begin(), x.end(), out.begin());
  if (!rows.in.weight.empty()) {
    multiply(out, rows.in.weight_of(row));
  }
  if (kind == ExpertKind::constant) {
    run_constant(rows.bank, expert, out);
  }
  if (!rows.out_weight.empty()) {
    multiply(out, rows.out_weight[static_cast<std::size_t>(row)]);
  }
}

}  // namespace

void run_zero_computation(const ExpertRows& rows, const Context& context) {
  const std::vector<RowBlock> blocks = make_blocks(rows);
  context.for_each_block(static_cast<Index>(blocks.size()), [&](Index i) {
    const RowBlock& block = blocks[static_cast<std::size_t>(i)];
    for (Index r = block.first; r < block.first + block.count; ++r) {
      run_row(rows, block.expert, r);
    }
  });
}

}  // namespace moesim
