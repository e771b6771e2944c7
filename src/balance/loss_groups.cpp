#include "balance/loss_groups.h"

#include <algorithm>
#include <numeric>

#include "balance/loss_scores.h"

namespace moesim {

std::vector<TokenRange> groups_of(const LossInput& input, LossScope scope) {
  std::vector<TokenRange> groups;
  if (scope == LossScope::batch || input.sequence_begin.empty()) {
    groups.push_back({0, input.num_tokens()});
  } else {
    for (std::size_t s = 0; s + 1 < input.sequence_begin.size(); ++s) {
      groups.push_back({input.sequence_begin[s], input.sequence_begin[s + 1]});
    }
  }
  std::erase_if(groups, [](const TokenRange& group) { return group.first == group.last; });
  return groups;
}

std::vector<std::int32_t> highest(std::span<const double> values, Index count) {
  std::vector<std::int32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  const auto wanted = std::min(values.size(), static_cast<std::size_t>(count));
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(wanted), order.end(),
                    [values](std::int32_t a, std::int32_t b) {
                      return values[a] != values[b] ? values[a] > values[b] : a < b;
                    });
  order.resize(wanted);
  return order;
}

std::span<const std::int32_t> chosen_by(const LossInput& input, Index token,
                                        std::vector<std::int32_t>& scratch) {
  switch (input.choices.counted) {
    case Counted::assigned: {
      const Index begin = input.assignments.begin[token];
      const Index end = input.assignments.begin[token + 1];
      return {input.assignments.expert.data() + begin, static_cast<std::size_t>(end - begin)};
    }
    case Counted::top_scores: {
      std::vector<double> scores(static_cast<std::size_t>(input.num_experts()));
      map_row(share_map(input.score_func), row_of(input.logits, token, input.num_experts()), scores);
      scratch = highest(scores, input.top_k);
      return scratch;
    }
  }
  throw_internal(__FILE__, __LINE__, "an unknown way of counting");
}

std::vector<double> first_choice_shares(const LossInput& input, TokenRange group) {
  std::vector<double> shares(static_cast<std::size_t>(input.num_experts()));
  std::vector<std::int32_t> scratch;
  for (Index t = group.first; t < group.last; ++t) {
    const std::span<const std::int32_t> chosen = chosen_by(input, t, scratch);
    if (!chosen.empty()) {
      shares[chosen.front()] += 1;
    }
  }
  for (double& share : shares) {
    share /= group.size();
  }
  return shares;
}

std::vector<double> choice_shares(const LossInput& input, TokenRange group) {
  std::vector<double> shares(static_cast<std::size_t>(input.num_experts()));
  std::vector<std::int32_t> scratch;
  for (Index t = group.first; t < group.last; ++t) {
    for (const std::int32_t expert : chosen_by(input, t, scratch)) {
      shares[expert] += 1;
    }
  }
  for (double& share : shares) {
    share /= group.size();
  }
  return shares;
}

}  // namespace moesim
