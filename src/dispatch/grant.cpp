// Ways of granting claims.

#include <algorithm>

#include "core/random.h"
#include "dispatch/drop.h"

namespace moesim {

Index token_of(const Assignments& assignments, Index a) {
  const auto after = std::upper_bound(assignments.begin.begin(), assignments.begin.end(), a);
  return after - assignments.begin.begin() - 1;
}

bool is_exempt(const DropInput& input, Index token) {
  const std::uint64_t place = input.first_token + static_cast<std::uint64_t>(token);
  const std::uint64_t sequence = place / static_cast<std::uint64_t>(input.rule.sequence_tokens);
  // No layer in the key: a sequence is exempt in all layers or in none.
  RandomSequence random({.seed = input.seed, .stream = Stream::drop_rule}, sequence);
  return random.next_uniform() < input.rule.exempt;
}

void grant_in_order(const Claims& claims, Placement& placement) {
  const Assignments& assignments = claims.input.assignments;
  std::vector<Index> load(assignments.num_experts);
  for (const Index a : claims.order) {
    Index& expert_load = load[assignments.expert[a]];
    const bool room = expert_load < claims.group.capacity;
    expert_load += room ? 1 : 0;
    placement.reason[a] = room ? DropReason::kept : DropReason::capacity;
  }
}

void grant_with_exempt(const Claims& claims, Placement& placement) {
  const Assignments& assignments = claims.input.assignments;
  const Places places = places_of(claims.input.rule, assignments.num_experts);
  std::vector<Index> load(places.count);
  for (const Index a : claims.order) {
    Index& place_load = load[assignments.expert[a] / places.experts_each];
    const bool exempt = is_exempt(claims.input, token_of(assignments, a));
    const bool room = exempt || place_load < claims.group.capacity;
    place_load += room ? 1 : 0;
    placement.reason[a] = exempt ? DropReason::exempt : room ? DropReason::kept : DropReason::capacity;
  }
}

namespace {

// What one expert is asked for, by the sign of the score.
struct Asked {
  Index above_zero = 0;
  Index below_zero = 0;
  Index taken = 0;   // of the C best, those that asked
  Index passed = 0;  // claims below zero that were looked at
};

// How many tokens of the group outrank an assignment whose score is 0, by assignment: those above zero come
// on top. A token that asks with a score of 0 is no better than one that does not ask: the lower one leads.
std::vector<Index> zeros_ahead(const Claims& claims) {
  const Assignments& assignments = claims.input.assignments;
  const Index offset = assignments.begin.empty() ? 0 : assignments.begin[claims.group.first];
  std::vector<Index> ahead(claims.order.size());
  std::vector<Index> others(assignments.num_experts);  // tokens so far whose score is not 0
  for (Index t = claims.group.first; t < claims.group.last; ++t) {
    for (Index a = assignments.begin[t]; a < assignments.begin[t + 1]; ++a) {
      Index& seen = others[assignments.expert[a]];
      ahead[a - offset] = t - claims.group.first - seen;
      seen += assignments.score[a] != 0 ? 1 : 0;
    }
  }
  return ahead;
}

}  // namespace

void grant_among_all_tokens(const Claims& claims, Placement& placement) {
  const Assignments& assignments = claims.input.assignments;
  const Index tokens = claims.group.last - claims.group.first;
  const Index offset = assignments.begin.empty() ? 0 : assignments.begin[claims.group.first];
  std::vector<Asked> asked(assignments.num_experts);
  for (const Index a : claims.order) {
    asked[assignments.expert[a]].above_zero += assignments.score[a] > 0 ? 1 : 0;
    asked[assignments.expert[a]].below_zero += assignments.score[a] < 0 ? 1 : 0;
  }
  const std::vector<Index> zeros = zeros_ahead(claims);
  std::vector<Index> rank(assignments.num_experts);
  for (const Index a : claims.order) {
    Asked& expert = asked[assignments.expert[a]];
    const float score = assignments.score[a];
    const Index ahead = score > 0    ? rank[assignments.expert[a]]++
                        : score == 0 ? expert.above_zero + zeros[a - offset]
                                     : tokens - expert.below_zero + expert.passed++;
    const bool taken = ahead < claims.group.capacity;
    expert.taken += taken ? 1 : 0;
    placement.reason[a] = taken ? DropReason::kept : DropReason::capacity;
  }
  for (const Index a : claims.order) {
    if (placement.reason[a] == DropReason::capacity &&
        asked[assignments.expert[a]].taken < claims.group.capacity) {
      placement.reason[a] = DropReason::outranked;
    }
  }
}

}  // namespace moesim
