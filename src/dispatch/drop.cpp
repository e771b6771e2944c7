// The claim order of each drop rule. Choice c of a token is its assignment number c, in the router's order.
//
// position_token_major: (t0,c0) (t0,c1) (t1,c0) …, the plain loop. maxtext; DeepSpeed's drop_policy
// "position".
//
// position_k_major: all first choices by token, then all second choices … GShard (Lepikhin et al. 2020,
// arXiv:2006.16668, algorithm 1), mesh-tensorflow, Tutel, DeepSpeed top-2.
//
// batch_prioritised: as k-major, but tokens by their best score, highest first (ties: lowest token). V-MoE
// (Riquelme et al. 2021, arXiv:2106.05974, section 4.1).
//
// expert_weight: assignments by weight, highest first (ties: lowest token), so that each expert keeps its C
// highest. Megatron-LM's drop policy "probs".
//
// random: a seeded random order. Random token selection of DeepSpeed (deepspeed/moe/sharded_moe.py), which
// has it for top-1 alone.

#include "dispatch/drop.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/random.h"

namespace moesim {
namespace {

std::vector<Index> in_order(Index count) {
  std::vector<Index> order(count);
  std::iota(order.begin(), order.end(), Index{0});
  return order;
}

// The items with the highest keys first; equal keys: lowest item first.
template <class Key>
std::vector<Index> by_falling_key(std::span<const Key> keys) {
  std::vector<Index> order = in_order(static_cast<Index>(keys.size()));
  std::sort(order.begin(), order.end(),
            [keys](Index a, Index b) { return keys[a] != keys[b] ? keys[a] > keys[b] : a < b; });
  return order;
}

// All first choices in the order of `tokens`, then all second choices …: a counting sort by choice.
std::vector<Index> k_major(const Assignments& assignments, std::span<const Index> tokens) {
  std::vector<Index> next;  // of each choice: how many come before it, then the place of its next claim
  for (Index t = 0; t < assignments.num_tokens(); ++t) {
    const Index choices = assignments.begin[t + 1] - assignments.begin[t];
    next.resize(std::max<std::size_t>(next.size(), choices));
    for (Index c = 0; c < choices; ++c) {
      ++next[c];
    }
  }
  std::exclusive_scan(next.begin(), next.end(), next.begin(), Index{0});
  std::vector<Index> order(assignments.size());
  for (const Index t : tokens) {
    const Index begin = assignments.begin[t];
    for (Index a = begin; a < assignments.begin[t + 1]; ++a) {
      order[next[a - begin]++] = a;
    }
  }
  return order;
}

std::vector<Index> tokens_by_best_score(const Assignments& assignments) {
  std::vector<float> best(assignments.num_tokens(), -std::numeric_limits<float>::infinity());
  for (Index t = 0; t < assignments.num_tokens(); ++t) {
    for (Index a = assignments.begin[t]; a < assignments.begin[t + 1]; ++a) {
      best[t] = std::max(best[t], assignments.score[a]);
    }
  }
  return by_falling_key<float>(best);
}

// A claim's luck depends on its token's place in the stream and its choice alone, so that it is the same
// however the stream is cut into batches.
std::vector<Index> by_luck(const ClaimInput& input) {
  const Assignments& assignments = input.assignments;
  const RandomKey key{.seed = input.seed, .stream = Stream::drop_rule, .layer = input.layer};
  std::vector<std::uint64_t> luck(assignments.size());
  for (Index t = 0; t < assignments.num_tokens(); ++t) {
    const Index begin = assignments.begin[t];
    for (Index a = begin; a < assignments.begin[t + 1]; ++a) {
      const auto bits = random_bits(key, input.first_token + static_cast<std::uint64_t>(t),
                                    static_cast<std::uint32_t>(a - begin));
      luck[a] = (std::uint64_t{bits[0]} << 32) | bits[1];
    }
  }
  return by_falling_key<std::uint64_t>(luck);
}

}  // namespace

std::vector<Index> claim_order(const ClaimInput& input) {
  const Assignments& assignments = input.assignments;
  switch (input.rule) {
    case DropRule::position_token_major:
      return in_order(assignments.size());
    case DropRule::position_k_major:
      return k_major(assignments, in_order(assignments.num_tokens()));
    case DropRule::batch_prioritised:
      return k_major(assignments, tokens_by_best_score(assignments));
    case DropRule::expert_weight:
      return by_falling_key<float>(assignments.weight);
    case DropRule::random:
      return by_luck(input);
  }
  throw_internal(__FILE__, __LINE__, "an unknown drop rule");
}

std::vector<DropReason> grant_claims(const Assignments& assignments, std::span<const Index> order,
                                     Index capacity) {
  std::vector<Index> load(assignments.num_experts);
  std::vector<DropReason> reason(assignments.size(), DropReason::capacity);
  for (const Index a : order) {
    Index& expert_load = load[assignments.expert[a]];
    if (expert_load < capacity) {
      ++expert_load;
      reason[a] = DropReason::kept;
    }
  }
  return reason;
}

}  // namespace moesim
