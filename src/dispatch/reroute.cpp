// What becomes of refused assignments where they are not dropped. The token keeps at most one row of each
// expert. The weight of a moved assignment is the router's times e^(z of the new expert − z of the old one):
// for a softmax weight exactly the probability of the new expert, as both sources have it. Without a gate
// the weight stays.

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/random.h"
#include "dispatch/drop.h"

namespace moesim {
namespace {

class Rerouter {
 public:
  Rerouter(const Claims& claims, Placement& placement)
      : input_(claims.input), group_(claims.group), placement_(placement) {
    const Assignments& assignments = input_.assignments;
    free_.assign(assignments.num_experts, group_.capacity);
    for (const Index a : claims.order) {
      if (has_row(placement.reason[a])) {
        --free_[assignments.expert[a]];
      } else {
        refused_.push_back(a);
      }
    }
    if (placement_.expert.empty()) {
      placement_.expert = assignments.expert;
      placement_.weight = assignments.weight;
    }
  }

  // In the order of their claims.
  const std::vector<Index>& refused() const { return refused_; }
  Index free_rows(Index expert) const { return free_[expert]; }

  // Whether the router chose `expert` for the token, or another of its assignments moved there.
  bool has(Index token, Index expert) const {
    const Assignments& assignments = input_.assignments;
    for (Index a = assignments.begin[token]; a < assignments.begin[token + 1]; ++a) {
      if (assignments.expert[a] == expert || placement_.expert[a] == expert) {
        return true;
      }
    }
    return false;
  }

  void move(Index a, Index token, Index expert) {
    --free_[expert];
    placement_.weight[a] = moved_weight(a, token, expert);
    placement_.expert[a] = static_cast<std::int32_t>(expert);
    placement_.reason[a] = DropReason::rerouted;
  }

 private:
  float moved_weight(Index a, Index token, Index expert) const {
    const float weight = input_.assignments.weight[a];
    if (input_.logits.rows == 0) {
      return weight;
    }
    const std::span<const float> z = input_.logits.row(token);
    const double change =
        static_cast<double>(z[expert]) - static_cast<double>(z[input_.assignments.expert[a]]);
    constexpr double kMost = std::numeric_limits<float>::max();
    // Not 0 · e^(large): a weight of 0 stays 0.
    const double moved = weight == 0 ? 0.0 : static_cast<double>(weight) * std::exp(change);
    return static_cast<float>(std::clamp(moved, -kMost, kMost));
  }

  const DropInput& input_;
  const ClaimGroup& group_;
  Placement& placement_;
  std::vector<Index> free_;  // [E]
  std::vector<Index> refused_;
};

// The expert of the free row number `place` of experts that the token does not have; there are so many.
Index expert_of_free_row(const Rerouter& rerouter, Index token, Index num_experts, Index place) {
  for (Index e = 0; e < num_experts; ++e) {
    if (rerouter.free_rows(e) > 0 && !rerouter.has(token, e)) {
      if (place < rerouter.free_rows(e)) {
        return e;
      }
      place -= rerouter.free_rows(e);
    }
  }
  throw_internal(__FILE__, __LINE__, "a free row that does not exist");
}

// [0, 1), from the token's place in the stream and its choice.
double luck_of(const DropInput& input, Index a, Index token) {
  const RandomKey key{.seed = input.seed, .stream = Stream::drop_rule, .layer = input.layer};
  const auto bits = random_bits(key, input.first_token + static_cast<std::uint64_t>(token),
                                static_cast<std::uint32_t>(a - input.assignments.begin[token]));
  const std::uint64_t all = (std::uint64_t{bits[0]} << 32) | bits[1];
  return static_cast<double>(all >> 11) * 0x1p-53;
}

// The best expert in the order (logit falling, index rising) behind `last` (-1: the best of all) that the
// token does not have; -1: there is none.
Index next_best(const Rerouter& rerouter, std::span<const float> logits, Index token, Index last) {
  Index best = -1;
  for (Index e = 0; e < std::ssize(logits); ++e) {
    const bool behind = last < 0 || logits[e] < logits[last] || (logits[e] == logits[last] && e > last);
    if (behind && (best < 0 || logits[e] > logits[best]) && !rerouter.has(token, e)) {
      best = e;
    }
  }
  return best;
}

}  // namespace

void recycle_refused(const Claims& claims, Placement& placement) {
  const Index num_experts = claims.input.assignments.num_experts;
  Rerouter rerouter(claims, placement);
  for (const Index a : rerouter.refused()) {
    const Index token = token_of(claims.input.assignments, a);
    Index rows = 0;
    for (Index e = 0; e < num_experts; ++e) {
      rows += rerouter.has(token, e) ? 0 : rerouter.free_rows(e);
    }
    if (rows > 0) {
      const auto place = static_cast<Index>(luck_of(claims.input, a, token) * static_cast<double>(rows));
      rerouter.move(a, token, expert_of_free_row(rerouter, token, num_experts, std::min(place, rows - 1)));
    }
  }
}

void try_next_best(const Claims& claims, Placement& placement) {
  const DropInput& input = claims.input;
  MOESIM_CHECK(input.logits.rows == input.assignments.num_tokens() &&
                   (input.logits.rows == 0 || input.logits.cols == input.assignments.num_experts),
               "re-routing to the next best expert without the logits of all");
  Rerouter rerouter(claims, placement);
  std::vector<Index> waiting = rerouter.refused();
  std::vector<Index> last_asked(claims.group.last - claims.group.first, -1);
  for (std::int64_t pass = 2; pass <= input.rule.tries && !waiting.empty(); ++pass) {
    std::vector<Index> still_waiting;
    for (const Index a : waiting) {
      const Index token = token_of(input.assignments, a);
      Index& last = last_asked[token - claims.group.first];
      const Index expert = next_best(rerouter, input.logits.row(token), token, last);
      if (expert < 0) {
        continue;  // it has asked all
      }
      last = expert;
      if (rerouter.free_rows(expert) > 0) {
        rerouter.move(a, token, expert);
      } else {
        still_waiting.push_back(a);
      }
    }
    waiting = std::move(still_waiting);
  }
}

}  // namespace moesim
