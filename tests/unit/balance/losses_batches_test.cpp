// One batch and several: ranks, steps, layers, and the same batch twice.

#include <gtest/gtest.h>

#include <cmath>

#include "loss_scene.h"

namespace moesim::testing {
namespace {

// Rows [first, last) of a scene as a batch of their own, without sequences.
LossScene rows_of(const LossScene& scene, Index first, Index last) {
  LossScene rows = scene;
  const Index experts = scene.assignments.num_experts;
  const auto cut = [&](const std::vector<double>& all) {
    return std::vector<double>(all.begin() + first * experts, all.begin() + last * experts);
  };
  rows.logits = cut(scene.logits);
  rows.noise = scene.noise.empty() ? scene.noise : cut(scene.noise);
  rows.noise_std = scene.noise_std.size() <= 1 ? scene.noise_std : cut(scene.noise_std);
  rows.sequence_begin.clear();
  std::vector<std::vector<int>> chosen;
  for (Index t = first; t < last; ++t) {
    const auto begin = scene.assignments.expert.begin();
    chosen.emplace_back(begin + scene.assignments.begin[t], begin + scene.assignments.begin[t + 1]);
  }
  rows.assignments = assignments_of(experts, chosen);
  return rows;
}

BatchCounts counts_of(const LossScene& scene) {
  std::vector<double> noisy;
  return count_batch(scene.input(noisy));
}

// arXiv:2501.11873, equations 4 to 6.
TEST(Losses, TheMeanOverRanksOfTheGlobalLossIsTheLossOfAllTokens) {
  for (std::uint64_t i = 0; i < 100; ++i) {
    LossScene all = random_loss_case(i, {.ties = true, .max_tokens = 40}).scene;
    const Index tokens = all.assignments.num_tokens() / 2 * 2;
    if (tokens == 0) {
      continue;
    }
    all = rows_of(all, 0, tokens);
    all.all_batches = {};
    all.choices.scope = LossScope::batch;
    LossScene ranks[] = {rows_of(all, 0, tokens / 2), rows_of(all, tokens / 2, tokens)};
    const BatchCounts counts[] = {counts_of(ranks[0]), counts_of(ranks[1])};
    double mean = 0;
    double sum = 0;
    for (LossScene& rank : ranks) {
      rank.all_batches = sum_over_ranks(counts);
      rank.choices.global_mean = GlobalMean::local;
      mean += rank.value("global_batch") / 2;
      rank.choices.global_mean = GlobalMean::share;
      sum += rank.value("global_batch");
    }
    const double expected = all.value("switch_topk_mean");
    EXPECT_NEAR(mean, expected, 1e-12 * (1 + expected));
    EXPECT_NEAR(sum, expected, 1e-12 * (1 + expected));
  }
}

TEST(Losses, SharesOfRanksOfDifferentSizesAddUpToo) {
  LossScene all = small_scene();
  LossScene ranks[] = {rows_of(all, 0, 1), rows_of(all, 1, 4)};
  const BatchCounts counts[] = {counts_of(ranks[0]), counts_of(ranks[1])};
  double sum = 0;
  for (LossScene& rank : ranks) {
    rank.all_batches = sum_over_ranks(counts);
    rank.choices.global_mean = GlobalMean::share;
    sum += rank.value("global_batch");
  }
  EXPECT_NEAR(sum, all.value("switch_topk_mean"), 1e-12);
}

TEST(Losses, TheBufferTurnsTheLastStepIntoTheGlobalBatch) {
  const LossScene all = small_scene();
  BatchCounts buffer;
  for (Index step = 0; step < 4; ++step) {
    accumulate(counts_of(rows_of(all, step, step + 1)), buffer);
    EXPECT_EQ(buffer.steps, static_cast<std::uint64_t>(step) + 1);
    EXPECT_EQ(buffer.tokens, static_cast<std::uint64_t>(step) + 1);
  }
  EXPECT_EQ(buffer.routed_per_expert, (Counts{4, 3, 1, 0}));
  LossScene last = rows_of(all, 3, 4);
  last.all_batches = buffer;
  // f of all four tokens, P of the last one.
  const double p0 = std::exp(3.0);
  const double p1 = std::exp(1.0);
  const double p2 = std::exp(0.5);
  const double expected = 4.0 / 2 * (4.0 / 4 * p0 + 3.0 / 4 * p1 + 1.0 / 4 * p2) / (p0 + p1 + p2 + 1);
  EXPECT_NEAR(last.value("global_batch"), expected, 1e-12);
  // Each step is a rank's whole batch, so the share is all of it.
  last.choices.global_mean = GlobalMean::share;
  EXPECT_NEAR(last.value("global_batch"), expected, 1e-12);
}

TEST(Losses, OfABatchTwiceAreThoseOfTheBatchWithHalfTheGradient) {
  for (std::uint64_t i = 0; i < 100; ++i) {
    LossScene once = random_loss_case(i).scene;
    once.sequence_begin.clear();
    once.all_batches = {};
    if (once.noise_std.size() > 1) {
      once.noise_std = {once.noise_std.front()};
    }
    LossScene twice = once;
    twice.logits.insert(twice.logits.end(), once.logits.begin(), once.logits.end());
    twice.noise.insert(twice.noise.end(), once.noise.begin(), once.noise.end());
    std::vector<std::vector<int>> chosen;
    for (int copy = 0; copy < 2; ++copy) {
      for (Index t = 0; t < once.assignments.num_tokens(); ++t) {
        const auto begin = once.assignments.expert.begin();
        chosen.emplace_back(begin + once.assignments.begin[t], begin + once.assignments.begin[t + 1]);
      }
    }
    twice.assignments = assignments_of(once.assignments.num_experts, chosen);
    for (const LossEntry& entry : losses().entries()) {
      const Loss a = once.loss(entry.name);
      const Loss b = twice.loss(entry.name);
      ASSERT_NEAR(a.value, b.value, 1e-11 * (1 + a.value)) << entry.name << ", input " << i;
      for (std::size_t j = 0; j < a.gradient.size(); ++j) {
        ASSERT_NEAR(a.gradient[j], 2 * b.gradient[j], 1e-11 * (1 + a.value)) << entry.name << ", input " << i;
      }
    }
  }
}

// Mixtral's loss in transformers: balanced on average over layers is balanced enough, however lopsided each
// layer is.
TEST(Losses, LayersAsOneBatchHideTheImbalanceOfEach) {
  const auto layer = [](int favourite) {
    LossScene scene;
    scene.top_k = 1;
    scene.assignments = assignments_of(2, {{favourite}, {favourite}});
    for (int t = 0; t < 2; ++t) {
      scene.logits.push_back(favourite == 0 ? 4 : 0);
      scene.logits.push_back(favourite == 0 ? 0 : 4);
    }
    return scene;
  };
  LossScene both = layer(0);
  const LossScene second = layer(1);
  EXPECT_GT(both.value("switch_topk_sum"), 1.9);
  EXPECT_GT(second.value("switch_topk_sum"), 1.9);
  both.logits.insert(both.logits.end(), second.logits.begin(), second.logits.end());
  both.assignments = assignments_of(2, {{0}, {0}, {1}, {1}});
  EXPECT_NEAR(both.value("switch_topk_sum"), 1, 1e-12);
}

}  // namespace
}  // namespace moesim::testing
