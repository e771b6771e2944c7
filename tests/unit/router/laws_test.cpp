// Laws over every family and preset, chosen by what each router declares of itself. A trait that is denied is
// checked too where that is cheap: a router that denies causality must really look ahead.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "building.h"
#include "core/random.h"

namespace moesim::testing {
namespace {

class RouterLaw : public ::testing::TestWithParam<Case> {
 public:
  RouterLaw() : router_(router_of(GetParam().section, kCaseExperts)), traits_(router_->traits()) {}

  // The nearest number of tokens, not below, that the router takes.
  Index tokens(Index at_least) const {
    return (at_least + traits_.token_multiple - 1) / traits_.token_multiple * traits_.token_multiple;
  }
  // For about so many tokens.
  Scene make_scene(Index num_tokens, std::uint64_t seed) const {
    return random_scene(tokens(num_tokens), router_->num_logits(), seed);
  }

  // Integers times 1/64: adding a whole number to them is exact.
  Scene coarse_scene(Index num_tokens, std::uint64_t seed) const {
    Scene scene = make_scene(num_tokens, seed);
    num_tokens = scene.logits.rows();
    for (Index t = 0; t < num_tokens; ++t) {
      for (float& z : scene.logits.row(t)) {
        z = std::round(z * 64.0F) / 64.0F;
      }
    }
    return scene;
  }

  // The laws; each returns at once where the router's traits excuse it.
  void KeepsTheContractForAnyNumberOfTokens();
  void SameBitsForAnyNumberOfThreads();
  void PermutedTokensArePermutedChoices();
  void LaterTokensDoNotChangeEarlierOnes();
  void ATokensChoiceIsItsOwn();
  void ShiftedLogitsChangeNothingWherePromised();
  void RenamedExpertsAreRenamedChoices();
  void TheBiasChoosesAndNeverWeighs();
  void ALargeBiasAlwaysWins();

  std::unique_ptr<Router> router_;
  RouterTraits traits_;
};

std::map<std::int32_t, float> weights_by_expert(const TokenChoices& choices) {
  std::map<std::int32_t, float> weights;
  for (std::size_t j = 0; j < choices.expert.size(); ++j) {
    weights[choices.expert[j]] = choices.weight[j];
  }
  return weights;
}

void expect_near(const std::map<std::int32_t, float>& a, const std::map<std::int32_t, float>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [expert, weight] : a) {
    ASSERT_EQ(b.count(expert), 1u) << "expert " << expert;
    ASSERT_NEAR(b.at(expert), weight, 1e-5F * std::abs(weight) + 1e-7F) << "expert " << expert;
  }
}

void RouterLaw::KeepsTheContractForAnyNumberOfTokens() {
  for (const Index at_least : {0, 1, 2, 63, 64, 65, 130}) {
    const Index num_tokens = tokens(at_least);
    const Scene input = make_scene(num_tokens, 3);
    check_routing(input.route_any(*router_), traits_, num_tokens, kCaseExperts);
    const Assignments got = input.route(*router_);
    ASSERT_EQ(got.num_tokens(), num_tokens);
    for (Index t = 0; t < num_tokens; ++t) {
      const TokenChoices choices = choices_of(got, t);
      const std::set<std::int32_t> distinct(choices.expert.begin(), choices.expert.end());
      ASSERT_TRUE(distinct.size() == choices.expert.size() || !traits_.distinct);
      if (traits_.exact_k) {
        ASSERT_EQ(static_cast<Index>(choices.expert.size()), traits_.top_k);
      }
      const double sum = std::accumulate(choices.weight.begin(), choices.weight.end(), 0.0);
      const double scores = std::accumulate(choices.score.begin(), choices.score.end(), 0.0);
      if (traits_.normalised && scores > traits_.normalised_above) {
        ASSERT_NEAR(sum, traits_.weight_sum, 1e-5 * traits_.weight_sum);
      }
    }
  }
}

void RouterLaw::SameBitsForAnyNumberOfThreads() {
  const Scene scene = make_scene(300, 4);
  const Assignments one = scene.route(*router_);
  for (const int threads : {1, 2, 7}) {
    const Assignments many = scene.route(*router_, {.threads = threads, .task_delay_seed = 5});
    ASSERT_EQ(many.begin, one.begin);
    ASSERT_EQ(many.expert, one.expert);
    ASSERT_EQ(many.weight, one.weight);
    ASSERT_EQ(many.score, one.score);
    ASSERT_EQ(many.pass_through, one.pass_through);
  }
}

void RouterLaw::PermutedTokensArePermutedChoices() {
  if (traits_.stochastic || traits_.by_place) {
    return;  // goes by the token's place
  }
  const Scene scene = make_scene(97, 5);
  std::vector<Index> order(static_cast<std::size_t>(scene.logits.rows()));
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = static_cast<Index>(i * 31 % order.size());
  }
  const Assignments straight = scene.route(*router_);
  const Assignments permuted = pick(scene, order).route(*router_);
  for (std::size_t i = 0; i < order.size(); ++i) {
    ASSERT_EQ(choices_of(permuted, static_cast<Index>(i)), choices_of(straight, order[i]));
  }
}

void RouterLaw::LaterTokensDoNotChangeEarlierOnes() {
  Scene scene = make_scene(96, 6);
  const Assignments before = scene.route(*router_);
  for (Index t = 40; t < 96; ++t) {
    for (float& z : scene.logits.row(t)) {
      z = 2.0F - 3.0F * z;
    }
    scene.batch.token_id[static_cast<std::size_t>(t)] += 1;
  }
  const Assignments after = scene.route(*router_);
  bool same = true;
  for (Index t = 0; t < 40; ++t) {
    same = same && choices_of(after, t) == choices_of(before, t);
  }
  const bool everyone_takes_everything = traits_.choice != Choice::soft && before.size() == 96 * kCaseExperts;
  EXPECT_TRUE(same == traits_.causal || everyone_takes_everything);
}

void RouterLaw::ATokensChoiceIsItsOwn() {
  if (!traits_.row_local) {
    return;  // looks at the whole batch
  }
  const Scene scene = make_scene(70, 7);
  const Assignments whole = scene.route(*router_);
  for (Index t = 0; t < 70; ++t) {
    Scene alone = pick(scene, {t});
    alone.batch.first_token = static_cast<std::uint64_t>(t);
    ASSERT_EQ(choices_of(alone.route(*router_), 0), choices_of(whole, t));
  }
}

void RouterLaw::ShiftedLogitsChangeNothingWherePromised() {
  if (!traits_.needs_logits) {
    return;  // needs no logits
  }
  if (traits_.stochastic) {
    return;  // sums of a logit and its noise are rounded
  }
  const Scene scene = coarse_scene(50, 8);
  const Assignments before = scene.route(*router_);
  bool same = true;
  for (const float shift : {3.0F, -3.0F}) {
    Scene shifted = coarse_scene(50, 8);
    for (Index t = 0; t < shifted.logits.rows(); ++t) {
      for (float& z : shifted.logits.row(t)) {
        z += shift * static_cast<float>(t % 3);  // some more than others
      }
    }
    const Assignments after = shifted.route(*router_);
    same = same && after.expert == before.expert && after.weight == before.weight;
    if (traits_.choice == Choice::soft) {
      same = same && after.score == before.score;
    }
  }
  EXPECT_EQ(same, traits_.shift_invariant);
}

void RouterLaw::RenamedExpertsAreRenamedChoices() {
  if (!traits_.expert_symmetric) {
    return;  // experts are not alike
  }
  Scene scene = make_scene(60, 9);
  const Index num_tokens = scene.logits.rows();
  fill_normal({.seed = 1, .stream = Stream::test}, 0, 0.1F, [&]() -> std::span<float> {
    scene.state.expert_bias.resize(kCaseExperts);
    return scene.state.expert_bias;
  }());
  std::vector<Index> all(static_cast<std::size_t>(num_tokens));
  std::iota(all.begin(), all.end(), 0);
  Scene renamed = pick(scene, all);
  const auto new_name = [](std::size_t e) { return e * 5 % kCaseExperts; };
  // Of a logit: an expert's are neighbours and keep their order.
  const auto per_expert = static_cast<std::size_t>(router_->num_logits() / kCaseExperts);
  const auto new_logit = [&](std::size_t z) {
    return new_name(z / per_expert) * per_expert + z % per_expert;
  };
  for (std::size_t e = 0; e < kCaseExperts; ++e) {
    renamed.state.expert_bias[new_name(e)] = scene.state.expert_bias[e];
  }
  for (Index t = 0; t < num_tokens; ++t) {
    for (std::size_t z = 0; z < scene.logits.row(t).size(); ++z) {
      renamed.logits.row(t)[new_logit(z)] = scene.logits.row(t)[z];
    }
  }
  const Assignments before = scene.route(*router_);
  const Assignments after = renamed.route(*router_);
  for (Index t = 0; t < num_tokens; ++t) {
    std::map<std::int32_t, float> expected;
    for (const auto& [chosen, weight] : weights_by_expert(choices_of(before, t))) {
      const std::size_t z = static_cast<std::size_t>(chosen);
      expected[static_cast<std::int32_t>(traits_.choice == Choice::soft ? new_logit(z) : new_name(z))] =
          weight;
    }
    expect_near(expected, weights_by_expert(choices_of(after, t)));
  }
}

void RouterLaw::TheBiasChoosesAndNeverWeighs() {
  Scene scene = make_scene(60, 10);
  const Assignments plain = scene.route(*router_);
  for (Index e = 0; e < kCaseExperts; ++e) {
    scene.state.expert_bias.push_back(static_cast<float>(e % 7) * 0.05F - 0.15F);
  }
  const Assignments biased = scene.route(*router_);
  if (!traits_.uses_bias) {
    EXPECT_EQ(biased.expert, plain.expert);
    EXPECT_EQ(biased.weight, plain.weight);
    return;
  }
  std::map<std::pair<Index, std::int32_t>, float> scores;
  for (Index t = 0; t < 60; ++t) {
    const TokenChoices choices = choices_of(plain, t);
    const TokenChoices others = choices_of(biased, t);
    std::map<std::int32_t, float> score;
    for (std::size_t j = 0; j < choices.expert.size(); ++j) {
      score[choices.expert[j]] = choices.score[j];
    }
    for (std::size_t j = 0; j < others.expert.size(); ++j) {
      if (score.count(others.expert[j]) == 1) {
        ASSERT_EQ(others.score[j], score[others.expert[j]]);
      }
    }
    // A second expert that a policy did not ask still had its part in the sum that divided the first.
    const bool second_unseen = !traits_.exact_k && choices.expert.size() == 1;
    if (!second_unseen && std::set<std::int32_t>(choices.expert.begin(), choices.expert.end()) ==
                              std::set<std::int32_t>(others.expert.begin(), others.expert.end())) {
      expect_near(weights_by_expert(choices), weights_by_expert(others));
    }
  }
}

void RouterLaw::ALargeBiasAlwaysWins() {
  if (!traits_.uses_bias) {
    return;  // uses no bias
  }
  Scene scene = make_scene(60, 11);
  scene.state.expert_bias.assign(kCaseExperts, 0.0F);
  scene.state.expert_bias[21] = 100.0F;
  const Assignments got = scene.route(*router_);
  for (Index t = 0; t < 60; ++t) {
    ASSERT_EQ(choices_of(got, t).expert.front(), 21);
  }
}

// All laws of one router in one test: hundreds of routers, each a process of its own.
TEST_P(RouterLaw, Holds) {
  struct Law {
    const char* name;
    void (RouterLaw::*check)();
  };
  constexpr Law kLaws[] = {
      {"KeepsTheContractForAnyNumberOfTokens", &RouterLaw::KeepsTheContractForAnyNumberOfTokens},
      {"SameBitsForAnyNumberOfThreads", &RouterLaw::SameBitsForAnyNumberOfThreads},
      {"PermutedTokensArePermutedChoices", &RouterLaw::PermutedTokensArePermutedChoices},
      {"LaterTokensDoNotChangeEarlierOnes", &RouterLaw::LaterTokensDoNotChangeEarlierOnes},
      {"ATokensChoiceIsItsOwn", &RouterLaw::ATokensChoiceIsItsOwn},
      {"ShiftedLogitsChangeNothingWherePromised", &RouterLaw::ShiftedLogitsChangeNothingWherePromised},
      {"RenamedExpertsAreRenamedChoices", &RouterLaw::RenamedExpertsAreRenamedChoices},
      {"TheBiasChoosesAndNeverWeighs", &RouterLaw::TheBiasChoosesAndNeverWeighs},
      {"ALargeBiasAlwaysWins", &RouterLaw::ALargeBiasAlwaysWins},
  };
  for (const Law& law : kLaws) {
    SCOPED_TRACE(law.name);
    (this->*law.check)();
    if (HasFatalFailure()) {
      return;
    }
  }
}

std::string test_name(const ::testing::TestParamInfo<Case>& info) {
  std::string name = std::to_string(info.index) + "_" + info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, RouterLaw, ::testing::ValuesIn(all_cases()), test_name);

}  // namespace
}  // namespace moesim::testing
