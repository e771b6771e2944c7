#pragma once
// Assignments for the tests of this room: written by hand, or drawn.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/random.h"
#include "router/routing.h"

namespace moesim::test {

struct Choice {
  std::int32_t expert = 0;
  float weight = 0;
  float score = 0;
};

// T = 0 in its shortest form: not even begin[0].
inline Assignments no_tokens(Index num_experts) {
  Assignments assignments;
  assignments.num_experts = num_experts;
  return assignments;
}

inline Assignments routing_of(Index num_experts, const std::vector<std::vector<Choice>>& tokens) {
  Assignments assignments = no_tokens(num_experts);
  assignments.begin.push_back(0);
  for (const std::vector<Choice>& token : tokens) {
    for (const Choice& choice : token) {
      assignments.expert.push_back(choice.expert);
      assignments.weight.push_back(choice.weight);
      assignments.score.push_back(choice.score);
    }
    assignments.begin.push_back(assignments.size());
  }
  return assignments;
}

struct RandomRouting {
  Index num_tokens = 0;
  Index num_experts = 1;
  Index min_k = 0;  // each token draws its own k from [min_k, max_k]
  Index max_k = 1;
};

// Distinct experts per token; weights and scores of few values, so that ties are common.
inline Assignments draw_routing(const RandomRouting& shape, RandomSequence& random) {
  std::vector<std::vector<Choice>> tokens(static_cast<std::size_t>(shape.num_tokens));
  std::vector<std::int32_t> experts(static_cast<std::size_t>(shape.num_experts));
  for (std::size_t e = 0; e < experts.size(); ++e) {
    experts[e] = static_cast<std::int32_t>(e);
  }
  for (std::vector<Choice>& token : tokens) {
    const auto span = static_cast<std::uint32_t>(shape.max_k - shape.min_k + 1);
    const auto k = static_cast<std::uint32_t>(shape.min_k) + random.next_below(span);
    for (std::uint32_t c = 0; c < k; ++c) {
      std::swap(experts[c], experts[c + random.next_below(static_cast<std::uint32_t>(experts.size()) - c)]);
      token.push_back({.expert = experts[c],
                       .weight = 0.125F * static_cast<float>(random.next_below(6)),
                       .score = 0.25F * static_cast<float>(random.next_below(4))});
    }
  }
  return routing_of(shape.num_experts, tokens);
}

}  // namespace moesim::test
