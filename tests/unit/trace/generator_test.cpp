#include "trace/generator.h"
#include "router/loads.h"

#include <gtest/gtest.h>

#include <cmath>

#include "recordings.h"
#include "router/persistent_draw.h"
#include "trace/affinity_draw.h"
#include "trace/marginal.h"

namespace moesim {
namespace {

using trace_test::TokenChoices;

// Routing of a known law.
std::vector<TokenChoices> drawn(const DrawLaw& law, std::size_t k, Index tokens) {
  PersistentDraw draw(law, {.seed = 77});
  std::vector<TokenChoices> result;
  for (Index t = 0; t < tokens; ++t) {
    TokenChoices token{.experts = std::vector<std::int32_t>(k),
                       .sequence = static_cast<std::uint32_t>(t / 500)};
    draw.draw({.token = static_cast<std::uint64_t>(t), .position = static_cast<std::uint64_t>(t % 500)},
              token.experts);
    result.push_back(std::move(token));
  }
  return result;
}

KeptTokens kept(const std::vector<TokenChoices>& tokens) {
  KeptTokens keeper;
  keeper.add(trace_test::block_of(tokens));
  return keeper;
}

TEST(Generator, FindsThePlantedLaw) {
  for (const double persistence : {0.0, 0.4, 0.8}) {
    DrawLaw law{.inclusion = inclusions_of(log_normal_shares(0.7, Index{32}), 4), .persistence = persistence};
    const GeneratorFit fit = fit_generator(kept(drawn(law, 4, 4000)), {.most_tokens = 4000});
    EXPECT_EQ(fit.top_k, 4);
    EXPECT_EQ(fit.tokens, 4000U);
    EXPECT_NEAR(fit.persistence, persistence, 0.03);
    EXPECT_LT(fit.misfit, 0.06);
    EXPECT_NEAR(fit.shared_experts.generated, fit.shared_experts.recorded, 0.1);
    EXPECT_NEAR(fit.max_over_mean.generated, fit.max_over_mean.recorded, 0.3);
    for (const ImitatedDistinct& row : fit.distinct) {
      // Of 512 neighbours and more there are some windows only.
      EXPECT_NEAR(row.experts.generated, row.experts.recorded, row.batch < 128 ? 0.6 : 2.0) << row.batch;
    }
    EXPECT_LT(fit.pairs_misfit, persistence < 0.5 ? 0.12 : 0.2);  // fewer draws are independent
  }
}

// Pairs (0,1), (2,3), … always together: popularity alone cannot say so, affinities can.
TEST(Generator, AffinityBringsPairsTogether) {
  std::vector<TokenChoices> tokens;
  for (Index t = 0; t < 2000; ++t) {
    RandomSequence random({.seed = 8}, static_cast<std::uint64_t>(t));
    const auto first = static_cast<std::int32_t>(2 * random.next_below(8));
    tokens.push_back({{first, first + 1}});
  }
  const GeneratorFit fit = fit_generator(kept(tokens), {});
  EXPECT_GT(fit.pairs_misfit, 0.8);
  EXPECT_EQ(fit.affinity, 1.0);
  EXPECT_LT(fit.pairs_misfit_with_affinity, 0.15);
}

TEST(Generator, SaysNothingOfTooLittle) {
  EXPECT_EQ(fit_generator(kept({}), {}).tokens, 0U);
  EXPECT_EQ(fit_generator(kept({{{3}}}), {}).tokens, 0U);
  EXPECT_EQ(fit_generator(kept({{{}}, {{}}}), {}).tokens, 0U);
  EXPECT_EQ(fit_generator(kept({{{0}}, {{0}}, {{0}}}), {}).misfit, 0.0);
}

TEST(AffinityDraw, MeetsSharesAndOverlap) {
  const std::vector<double> inclusion = inclusions_of(log_normal_shares(0.8, Index{16}), 3);
  for (const double overlap : {1.0, 1.6, 2.5}) {
    const AffinityLaw law{.odds = odds_of(inclusion), .staying = staying_for(overlap, inclusion)};
    std::vector<double> count(16);
    std::vector<std::int32_t> previous;
    std::vector<std::int32_t> chosen(3);
    double shared = 0;
    constexpr int kTokens = 40000;
    for (int t = 0; t < kTokens; ++t) {
      draw_with_affinity(law, previous, RandomSequence({.seed = 4}, static_cast<std::uint64_t>(t)), chosen);
      for (const std::int32_t expert : chosen) {
        count[static_cast<std::size_t>(expert)] += 1.0 / kTokens;
        shared += std::count(previous.begin(), previous.end(), expert) > 0 ? 1.0 / kTokens : 0.0;
      }
      previous = chosen;
    }
    EXPECT_NEAR(shared, std::max(overlap, independent_overlap(inclusion)), 0.05);
    for (std::size_t e = 0; e < 16; ++e) {
      EXPECT_NEAR(count[e], inclusion[e], 0.03) << e;
    }
  }
}

}  // namespace
}  // namespace moesim
