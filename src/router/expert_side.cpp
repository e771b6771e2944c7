#include "router/expert_side.h"

#include <utility>

#include "core/checked.h"
#include "router/select.h"

namespace moesim {
namespace {

// Insertion sort, stable: few experts take the same token, and they come in order of their index.
void order_token(Assignments& out, std::size_t t) {
  const auto begin = static_cast<std::size_t>(out.begin[t]);
  const auto end = static_cast<std::size_t>(out.begin[t + 1]);
  for (std::size_t i = begin; i < end; ++i) {
    for (std::size_t j = i; j > begin && out.score[j - 1] < out.score[j]; --j) {
      std::swap(out.score[j - 1], out.score[j]);
      std::swap(out.expert[j - 1], out.expert[j]);
    }
  }
}

// The experts of a token still in order of their index.
Assignments by_token(const TakenTokens& taken, const Matrix& scores) {
  Assignments out;
  out.num_experts = scores.rows();
  out.begin.assign(static_cast<std::size_t>(scores.cols()) + 1, 0);
  for (const std::int32_t t : taken.token) {
    ++out.begin[static_cast<std::size_t>(t) + 1];
  }
  for (std::size_t t = 1; t < out.begin.size(); ++t) {
    out.begin[t] += out.begin[t - 1];
  }
  out.expert.resize(taken.token.size());
  out.score.resize(taken.token.size());
  std::vector<Index> next(out.begin.begin(), out.begin.end() - 1);
  for (Index e = 0; e < scores.rows(); ++e) {
    for (Index i = taken.begin[static_cast<std::size_t>(e)]; i < taken.begin[static_cast<std::size_t>(e) + 1];
         ++i) {
      const auto token = static_cast<std::size_t>(taken.token[static_cast<std::size_t>(i)]);
      const auto at = static_cast<std::size_t>(next[token]++);
      out.expert[at] = static_cast<std::int32_t>(e);
      out.score[at] = scores.row(e)[token];
    }
  }
  return out;
}

}  // namespace

TakenTokens take_best(const Matrix& scores, Index count, const Context& context) {
  TakenTokens taken;
  taken.token.resize(checked_mul(static_cast<std::uint64_t>(scores.rows()), static_cast<std::uint64_t>(count),
                                 "the routing"));
  for (Index e = 0; e <= scores.rows(); ++e) {
    taken.begin.push_back(e * count);
  }
  context.for_each_block(scores.rows(), [&](Index e) {
    SelectScratch scratch;
    select_top_k(scores.row(e), {taken.token.data() + e * count, static_cast<std::size_t>(count)}, scratch);
  });
  return taken;
}

Assignments assignments_of(const TakenTokens& taken, const Matrix& scores, const Context& context) {
  Assignments out = by_token(taken, scores);
  for_each_row_block(context, scores.cols(), [&](Index first, Index last) {
    for (Index t = first; t < last; ++t) {
      order_token(out, static_cast<std::size_t>(t));
    }
  });
  out.weight = out.score;
  return out;
}

}  // namespace moesim
