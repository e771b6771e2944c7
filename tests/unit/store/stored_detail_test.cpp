#include <gtest/gtest.h>

#include <filesystem>

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
  record.detail.later_layers = {{1, {{{0, 0.5F}}, {{1, 0.25F}, {0, 0.125F}}}}};
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
  EXPECT_EQ(detail.tokens[1].text, "alone");
  ASSERT_EQ(detail.choices.size(), 4u);
  EXPECT_EQ(detail.choices[0].layer, 0);
  EXPECT_EQ(detail.choices[0].expert, 1);
  EXPECT_EQ(detail.choices[0].weight, 0.75);
  EXPECT_FALSE(detail.choices[0].kept);
  EXPECT_EQ(detail.choices[1].layer, 1);
  EXPECT_EQ(detail.choices[2].place, 1);
  EXPECT_EQ(detail.choices[3].weight, 0.125);
  EXPECT_FALSE(detail.cut);
  EXPECT_TRUE(store.detail("none").loads.empty());
}

// A file as version 0.1.0 first wrote it: tokens and the first layer's choices in one table.
class OldResults : public testing::Test {
 protected:
  OldResults() {
    std::filesystem::copy_file(
        std::string(MOESIM_SOURCE_DIR) + "/tests/fuzz/corpus/results/valid_two_points.sqlite",
        results_path(folder_.path()));
    Database database(results_path(folder_.path()), Database::Access::write);
    database.execute("DELETE FROM tokens");
    database.execute(
        "INSERT INTO tokens VALUES (1, 0, 'english', 'word', 3, 0.75, 1), (1, 0, 'english', 'word', 2, 0.25, "
        "0), "
        "(1, 1, 'korean', 'alone', NULL, NULL, NULL)");
  }
  void expect_all(Database::Access access) {
    const ResultStore store(folder_.path(), access);
    std::vector<std::string> ids;
    store.for_each_point([&](const StoredPoint& point) { ids.push_back(point.id); });
    ASSERT_EQ(ids.size(), 2u);
    const StoredDetail detail = store.detail(ids.front());
    ASSERT_EQ(detail.tokens.size(), 2u);
    EXPECT_EQ(detail.tokens[0].text, "word");
    EXPECT_EQ(detail.tokens[1].domain, "korean");
    ASSERT_EQ(detail.choices.size(), 2u);
    EXPECT_EQ(detail.choices[0].layer, 0);
    EXPECT_EQ(detail.choices[0].expert, 3);
    EXPECT_FALSE(detail.choices[1].kept);
    EXPECT_FALSE(detail.loads.empty());
  }
  TempFolder folder_;
};

TEST_F(OldResults, AreReadAsTheyAre) {
  expect_all(Database::Access::read);
  expect_all(Database::Access::read);
}

TEST_F(OldResults, AreBroughtUpToDateWhenWrittenTo) {
  expect_all(Database::Access::write);
  expect_all(Database::Access::read);
  ResultStore store(folder_.path(), Database::Access::write);
  RunRecord record;
  record.detail.tokens = {{"english", "new", {{1, 0.5F}}}};
  StoredPoint point;
  point.id = "new";
  store.put(point, &record);
  EXPECT_EQ(store.detail("new").choices.size(), 1u);
}

}  // namespace
}  // namespace moesim
