#include <gtest/gtest.h>

#include "store/result_store.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

TEST(StoredDetail, GivesBackWhatThePointLeft) {
  const TempFolder folder;
  ResultStore store(folder.path() + "/run", Database::Access::write);
  RunRecord record;
  VariantResult moe;
  moe.name = "moe";
  moe.warm_up_seconds = 0.5;
  moe.samples = {{0.25, 0, 0}, {0.2, 1, 1}};
  record.variants.push_back(moe);
  record.detail.loads = {{-1, 0, {5, 7}, {5, 6}}, {3, 0, {1, 2}, {1, 1}}};
  record.detail.co_activation = {{0, 2, {0, 4, 0, 0}}};
  record.detail.histograms = {{"weight", 0, 0.0, 1.0, {2, 3}}};
  record.detail.timeline = {{1, "experts", 0.1, 0.2}};
  record.detail.tokens = {{"english", "word", {{1, 0.75F, false}}}, {"english", "alone", {}}};
  StoredPoint point;
  point.id = "other";
  store.put(point, nullptr);
  point.id = "mine";
  store.put(point, &record);
  const StoredDetail detail = store.detail("mine");
  ASSERT_EQ(detail.timings.size(), 3u);
  EXPECT_EQ(detail.timings[0].repetition, -1);
  EXPECT_EQ(detail.timings[2].seconds, 0.2);
  ASSERT_EQ(detail.loads.size(), 4u);
  EXPECT_EQ(detail.loads[1].step, -1);
  EXPECT_EQ(detail.loads[1].routed, 7);
  EXPECT_EQ(detail.loads[3].step, 3);
  EXPECT_EQ(detail.loads[3].processed, 1);
  ASSERT_EQ(detail.pairs.size(), 1u);
  EXPECT_EQ(detail.pairs[0].expert_b, 1);
  EXPECT_EQ(detail.pairs[0].tokens, 4);
  ASSERT_EQ(detail.bins.size(), 2u);
  EXPECT_EQ(detail.bins[1].low, 0.5);
  ASSERT_EQ(detail.spans.size(), 1u);
  EXPECT_EQ(detail.spans[0].stage, "experts");
  ASSERT_EQ(detail.tokens.size(), 2u);
  EXPECT_EQ(detail.tokens[0].weight, 0.75);
  EXPECT_FALSE(detail.tokens[0].kept);
  EXPECT_EQ(detail.tokens[1].expert, -1);
  EXPECT_FALSE(detail.cut);
  EXPECT_TRUE(store.detail("none").loads.empty());
}

}  // namespace
}  // namespace moesim
