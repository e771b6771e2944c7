// The contract of routings, executable. Written for clarity: it runs on every call in checked builds and on
// every variant in the tests.

#include <fmt/format.h>

#include <cmath>

#include "core/error.h"
#include "router/router.h"

namespace moesim {
namespace {

constexpr double kTolerance = 1e-5;  // relative; weights are floats

struct TokenCheck {
  const Assignments& assignments;
  const RouterTraits& traits;
  Index token;

  std::size_t begin() const {
    return static_cast<std::size_t>(assignments.begin[static_cast<std::size_t>(token)]);
  }
  std::size_t end() const {
    return static_cast<std::size_t>(assignments.begin[static_cast<std::size_t>(token) + 1]);
  }
  std::string at(std::string_view what) const { return fmt::format("token {}: {}", token, what); }
};

// last_token[e]: the last token seen to choose expert e.
void check_experts(const TokenCheck& check, std::vector<Index>& last_token) {
  for (std::size_t n = check.begin(); n < check.end(); ++n) {
    const std::int32_t expert = check.assignments.expert[n];
    MOESIM_CHECK(expert >= 0 && expert < check.assignments.num_experts,
                 check.at(fmt::format("expert {} does not exist", expert)));
    Index& last = last_token[static_cast<std::size_t>(expert)];
    MOESIM_CHECK(!check.traits.distinct || last != check.token,
                 check.at(fmt::format("expert {} is chosen twice", expert)));
    last = check.token;
  }
}

void check_numbers(const TokenCheck& check) {
  double weight_sum = 0.0;
  double score_sum = 0.0;
  for (std::size_t n = check.begin(); n < check.end(); ++n) {
    MOESIM_CHECK(std::isfinite(check.assignments.weight[n]), check.at("a weight is not finite"));
    MOESIM_CHECK(std::isfinite(check.assignments.score[n]), check.at("a score is not finite"));
    weight_sum += check.assignments.weight[n];
    score_sum += check.assignments.score[n];
  }
  if (check.traits.normalised && score_sum > check.traits.normalised_above) {
    const double expected = check.traits.weight_sum;
    MOESIM_CHECK(std::abs(weight_sum - expected) <= kTolerance * expected,
                 check.at(fmt::format("the weights sum to {}, not to {}", weight_sum, expected)));
  }
}

// Only where the order can be read from the routing alone: a selection bias is not part of it.
void check_order(const TokenCheck& check) {
  if (check.traits.choice != Choice::expert) {
    return;
  }
  const Assignments& a = check.assignments;
  for (std::size_t n = check.begin() + 1; n < check.end(); ++n) {
    MOESIM_CHECK(
        a.score[n - 1] > a.score[n] || (a.score[n - 1] == a.score[n] && a.expert[n - 1] < a.expert[n]),
        check.at("the choices are not in order, best score first"));
  }
}

void check_pass_through(const std::vector<float>& pass_through, Index num_tokens) {
  MOESIM_CHECK(pass_through.empty() || pass_through.size() == static_cast<std::size_t>(num_tokens),
               "what passes through is not given for every token");
  for (std::size_t t = 0; t < pass_through.size(); ++t) {
    MOESIM_CHECK(std::isfinite(pass_through[t]),
                 fmt::format("token {}: what passes through is not finite", t));
  }
}

void check_assignments(const Assignments& a, const RouterTraits& traits, Index num_tokens) {
  const auto size = static_cast<std::size_t>(a.size());
  MOESIM_CHECK(traits.choice != Choice::soft, "a soft router made hard choices");
  MOESIM_CHECK(a.begin.size() == static_cast<std::size_t>(num_tokens) + 1 && a.begin.front() == 0 &&
                   a.begin.back() == a.size(),
               "the tokens' ranges do not cover the assignments");
  MOESIM_CHECK(a.weight.size() == size && a.score.size() == size,
               "weights, scores and experts differ in number");
  check_pass_through(a.pass_through, num_tokens);
  std::vector<Index> last_token(static_cast<std::size_t>(a.num_experts), -1);
  for (Index t = 0; t < num_tokens; ++t) {
    const TokenCheck check{a, traits, t};
    MOESIM_CHECK(check.begin() <= check.end() && check.end() <= size,
                 check.at("its range of assignments is impossible"));
    const auto count = static_cast<Index>(check.end() - check.begin());
    MOESIM_CHECK(!traits.exact_k || count == traits.top_k,
                 check.at(fmt::format("{} experts instead of {}", count, traits.top_k)));
    MOESIM_CHECK(traits.most_experts == 0 || count <= traits.most_experts,
                 check.at(fmt::format("{} experts, more than {}", count, traits.most_experts)));
    check_experts(check, last_token);
    check_numbers(check);
    check_order(check);
  }
}

void check_mix(const SoftMix& mix, const RouterTraits& traits, Index num_tokens) {
  MOESIM_CHECK(traits.choice == Choice::soft, "a hard router mixed its tokens");
  MOESIM_CHECK(mix.dispatch.rows() == num_tokens && mix.combine.rows() == num_tokens &&
                   mix.dispatch.cols() == mix.combine.cols() && mix.dispatch.cols() % mix.num_experts == 0,
               "the shapes of a soft routing do not fit");
  for (Index t = 0; t < num_tokens; ++t) {
    double combined = 0.0;
    for (const float weight : mix.combine.row(t)) {
      combined += weight;
    }
    for (const float weight : mix.dispatch.row(t)) {
      MOESIM_CHECK(std::isfinite(weight), fmt::format("token {}: a weight is not finite", t));
    }
    MOESIM_CHECK(std::isfinite(combined), fmt::format("token {}: a weight is not finite", t));
    MOESIM_CHECK(
        !traits.normalised || std::abs(combined - traits.weight_sum) <= kTolerance * traits.weight_sum,
        fmt::format("token {}: the weights sum to {}, not to {}", t, combined, traits.weight_sum));
  }
}

}  // namespace

void check_routing(const Routing& routing, const RouterTraits& traits, Index num_tokens, Index num_experts) {
  if (const auto* assignments = std::get_if<Assignments>(&routing)) {
    MOESIM_CHECK(assignments->num_experts == num_experts, "a routing for another number of experts");
    check_assignments(*assignments, traits, num_tokens);
  } else {
    const auto& mix = std::get<SoftMix>(routing);
    MOESIM_CHECK(mix.num_experts == num_experts, "a routing for another number of experts");
    check_mix(mix, traits, num_tokens);
  }
}

}  // namespace moesim
