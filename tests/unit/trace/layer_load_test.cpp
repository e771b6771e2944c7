#include "trace/layer_load.h"
#include "router/loads.h"

#include <gtest/gtest.h>

#include "recordings.h"
#include "trace/marginal.h"

namespace moesim {
namespace {

using trace_test::block_of;

TEST(LayerLoad, CountsChoicesFirstChoicesAndTokensByTheirNumberOfExperts) {
  LayerLoad load;
  load.add(block_of({{{2, 0}}, {{2}}, {{}}, {{1, 3, 2}}}));
  load.add(block_of({{{0, 1}}}, 0, 4));
  EXPECT_EQ(load.count, (Counts{2, 2, 3, 1}));
  EXPECT_EQ(load.first, (Counts{1, 1, 2, 0}));
  EXPECT_EQ(load.tokens_of_k, (Counts{1, 1, 2, 1}));
  EXPECT_EQ(load.tokens, 5U);
  EXPECT_EQ(load.assignments, 8U);
  EXPECT_EQ(popularity(load), (std::vector<double>{0.4, 0.4, 0.6, 0.2}));
  EXPECT_EQ(shares(load.count), (std::vector<double>{0.25, 0.25, 0.375, 0.125}));
  load.widen(6);
  EXPECT_EQ(load.num_experts(), 6);
  EXPECT_EQ(load.count.back(), 0U);
}

TEST(LayerLoad, CountsStandForTokensOfTopKExperts) {
  LayerLoad load;
  load.add(std::vector<std::uint64_t>{3, 0});
  load.add(std::vector<std::uint64_t>{0, 4, 0});
  load.assume_top_k(2);  // three tokens of two, one of one
  EXPECT_EQ(load.tokens_of_k, (Counts{0, 1, 3}));
  EXPECT_EQ(load.tokens, 4U);
  LayerLoad unknown;
  unknown.add(std::vector<std::uint64_t>{3, 4, 0});
  unknown.assume_top_k(0);
  EXPECT_EQ(unknown.tokens, 7U);
}

TEST(LayerLoad, PartsAddUp) {
  const auto tokens = trace_test::random_tokens({});
  LayerLoad whole;
  whole.add(block_of(tokens));
  LayerLoad parts;
  for (const ChoiceBlock& block : trace_test::blocks_of(tokens, 17)) {
    LayerLoad part;
    part.add(block);
    parts.merge(part);
  }
  EXPECT_EQ(parts.count, whole.count);
  EXPECT_EQ(parts.first, whole.first);
  EXPECT_EQ(parts.tokens_of_k, whole.tokens_of_k);
  EXPECT_EQ(parts.tokens, whole.tokens);
}

Counts counts_of(const std::vector<double>& shares) {
  Counts counts;
  for (const double share : shares) {
    counts.push_back(static_cast<std::uint64_t>(share * 1e12));
  }
  return counts;
}

TEST(Marginal, FindsThePlantedParameter) {
  for (const double sigma : {0.0, 0.1, 0.69, 1.83}) {
    const MarginalFit fit = fit_marginal(counts_of(log_normal_shares(sigma, Index{64})));
    EXPECT_NEAR(fit.sigma, sigma, 2e-4);
    EXPECT_LT(fit.log_normal_misfit, 1e-4);
  }
  const MarginalFit zipf = fit_marginal(counts_of(zipf_shares(1.2, Index{64})));
  EXPECT_NEAR(zipf.exponent, 1.2, 2e-4);
  EXPECT_LT(zipf.zipf_misfit, 1e-4);
  EXPECT_GT(zipf.log_normal_misfit, 0.01);
}

TEST(Marginal, MisfitOfUniformIsHalfTheDeparture) {
  const MarginalFit fit = fit_marginal({3, 1});
  EXPECT_NEAR(fit.uniform_misfit, 0.25, 1e-12);
  EXPECT_LT(fit.zipf_misfit, 1e-4);  // one parameter, one free share
  EXPECT_EQ(fit_marginal({0, 0}).uniform_misfit, 0.0);
  EXPECT_EQ(fit_marginal({5}).log_normal_misfit, 0.0);
}

}  // namespace
}  // namespace moesim
