// The order of claims of each drop rule, inside one group.

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/random.h"
#include "dispatch/drop.h"

namespace moesim {
namespace {

std::vector<Index> in_order(Index first, Index last) {
  std::vector<Index> order(last - first);
  std::iota(order.begin(), order.end(), first);
  return order;
}

// The group's own part of the compressed rows; none in their shortest form, without even begin[0].
Index begin_of(const Assignments& assignments, Index token) {
  return assignments.begin.empty() ? 0 : assignments.begin[token];
}

std::vector<Index> token_major(const Assignments& assignments, const ClaimGroup& group) {
  return in_order(begin_of(assignments, group.first), begin_of(assignments, group.last));
}

// `keys` holds one key for each of `items`, which ascend. Highest key first; equal keys: lowest item.
template <class Key>
std::vector<Index> by_falling_key(std::vector<Index> items, std::span<const Key> keys) {
  const Index first = items.empty() ? 0 : items.front();
  std::sort(items.begin(), items.end(), [keys, first](Index a, Index b) {
    const Key key_a = keys[a - first];
    const Key key_b = keys[b - first];
    return key_a != key_b ? key_a > key_b : a < b;
  });
  return items;
}

// All first choices in the order of `tokens`, then all second choices …: a counting sort by choice.
std::vector<Index> k_major(const Assignments& assignments, const ClaimGroup& group,
                           std::span<const Index> tokens) {
  std::vector<Index> next;  // of each choice: how many come before it, then the place of its next claim
  for (Index t = group.first; t < group.last; ++t) {
    const Index choices = assignments.begin[t + 1] - assignments.begin[t];
    next.resize(std::max<std::size_t>(next.size(), choices));
    for (Index c = 0; c < choices; ++c) {
      ++next[c];
    }
  }
  std::exclusive_scan(next.begin(), next.end(), next.begin(), Index{0});
  std::vector<Index> order(begin_of(assignments, group.last) - begin_of(assignments, group.first));
  for (const Index t : tokens) {
    const Index begin = assignments.begin[t];
    for (Index a = begin; a < assignments.begin[t + 1]; ++a) {
      order[next[a - begin]++] = a;
    }
  }
  return order;
}

std::vector<Index> tokens_by_best_score(const Assignments& assignments, const ClaimGroup& group) {
  std::vector<float> best(group.last - group.first, -std::numeric_limits<float>::infinity());
  for (Index t = group.first; t < group.last; ++t) {
    for (Index a = assignments.begin[t]; a < assignments.begin[t + 1]; ++a) {
      best[t - group.first] = std::max(best[t - group.first], assignments.score[a]);
    }
  }
  return by_falling_key<float>(in_order(group.first, group.last), best);
}

std::vector<Index> by_falling(const std::vector<float>& values, const Assignments& assignments,
                              const ClaimGroup& group) {
  const Index first = begin_of(assignments, group.first);
  const Index last = begin_of(assignments, group.last);
  return by_falling_key<float>(in_order(first, last),
                               std::span<const float>(values).subspan(first, last - first));
}

// A claim's luck depends on its token's place in the stream and its choice alone, so that it is the same
// however the stream is cut into batches.
std::vector<Index> by_luck(const DropInput& input, const ClaimGroup& group) {
  const Assignments& assignments = input.assignments;
  const RandomKey key{.seed = input.seed, .stream = Stream::drop_rule, .layer = input.layer};
  std::vector<std::uint64_t> luck;
  for (Index t = group.first; t < group.last; ++t) {
    const Index begin = assignments.begin[t];
    for (Index a = begin; a < assignments.begin[t + 1]; ++a) {
      const auto bits = random_bits(key, input.first_token + static_cast<std::uint64_t>(t),
                                    static_cast<std::uint32_t>(a - begin));
      luck.push_back((std::uint64_t{bits[0]} << 32) | bits[1]);
    }
  }
  return by_falling_key<std::uint64_t>(token_major(assignments, group), luck);
}

// Exempt assignments first, then by score, highest first; equal scores: lowest expert, then lowest token.
std::vector<Index> by_exemption_and_score(const DropInput& input, const ClaimGroup& group) {
  const Assignments& assignments = input.assignments;
  std::vector<Index> order = token_major(assignments, group);
  const auto free_end = std::stable_partition(order.begin(), order.end(), [&input](Index a) {
    return is_exempt(input, token_of(input.assignments, a));
  });
  std::sort(free_end, order.end(), [&assignments](Index a, Index b) {
    if (assignments.score[a] != assignments.score[b]) {
      return assignments.score[a] > assignments.score[b];
    }
    return assignments.expert[a] != assignments.expert[b] ? assignments.expert[a] < assignments.expert[b]
                                                          : a < b;
  });
  return order;
}

}  // namespace

std::vector<Index> claim_order(const DropInput& input, const ClaimGroup& group) {
  const Assignments& assignments = input.assignments;
  switch (input.rule.drop) {
    case DropRule::position_token_major:
      return token_major(assignments, group);
    case DropRule::position_k_major:
    case DropRule::recycle:
    case DropRule::ntlb:
      return k_major(assignments, group, in_order(group.first, group.last));
    case DropRule::batch_prioritised:
      return k_major(assignments, group, tokens_by_best_score(assignments, group));
    case DropRule::expert_weight:
      return by_falling(assignments.weight, assignments, group);
    case DropRule::random:
      return by_luck(input, group);
    case DropRule::deepspeed_probs:
      return by_falling(assignments.score, assignments, group);
    case DropRule::device_level:
      return by_exemption_and_score(input, group);
  }
  throw_internal(__FILE__, __LINE__, "an unknown drop rule");
}

}  // namespace moesim
