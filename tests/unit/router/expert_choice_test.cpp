#include <gtest/gtest.h>

#include <cmath>

#include "building.h"
#include "router/variants.h"

namespace moesim::testing {
namespace {

using Ids = std::vector<std::int32_t>;

// C = ⌊4·1/2⌋ = 2. Expert 0 takes tokens 0 and 3, expert 1 tokens 1 and 2.
TEST(ExpertChoice, EveryExpertTakesItsBestTokens) {
  const Scene scene = scene_of({{3, 0}, {0, 2}, {1, 4}, {5, 5}}, 2);
  const Assignments got = scene.route(*router_of("{kind: expert_choice, factor: 1}", 2));
  EXPECT_EQ(choices_of(got, 0).expert, (Ids{0}));
  EXPECT_EQ(choices_of(got, 1).expert, (Ids{1}));
  EXPECT_EQ(choices_of(got, 2).expert, (Ids{1}));
  EXPECT_EQ(choices_of(got, 3).expert, (Ids{0}));
  EXPECT_NEAR(choices_of(got, 0).weight[0], 1.0 / (1.0 + std::exp(-3.0)), 1e-6);
  EXPECT_EQ(choices_of(got, 3).weight[0], 0.5F);
}

TEST(ExpertChoice, ATokenMayGetNoExpertOrAllOfThem) {
  const Scene scene = scene_of({{9, 9}, {1, 2}}, 2);
  const Assignments got = scene.route(*router_of("{kind: expert_choice, factor: 1, score_func: raw}", 2));
  EXPECT_EQ(choices_of(got, 0).expert, (Ids{0, 1}));
  EXPECT_TRUE(choices_of(got, 1).expert.empty());
}

TEST(ExpertChoice, EqualScoresGoToTheLowestTokens) {
  const Scene scene = scene_of({{1, 1}, {1, 1}, {1, 1}, {1, 1}}, 2);
  const Assignments got = scene.route(*router_of("{kind: expert_choice, factor: 1}", 2));
  EXPECT_EQ(choices_of(got, 0).expert, (Ids{0, 1}));
  EXPECT_EQ(choices_of(got, 1).expert, (Ids{0, 1}));
  EXPECT_TRUE(choices_of(got, 2).expert.empty());
}

TEST(ExpertChoice, WithinATokenTheBestScoreStandsFirst) {
  const Scene scene = scene_of({{1, 3, 3, 2}}, 4);
  EXPECT_EQ(choices_of(scene.route(*router_of("{kind: expert_choice, factor: 4}", 4)), 0).expert,
            (Ids{1, 2, 3, 0}));
}

TEST(ExpertChoice, CapacityIsRoundedDownAtLeastOneAndAtMostTheTokens) {
  const struct {
    Index tokens;
    const char* factor;
    Index each;
  } cases[] = {{10, "1.25", 3}, {4, "2", 2}, {3, "1", 1}, {3, "65536", 3}, {0, "2", 0}, {1, "4", 1}};
  for (const auto& c : cases) {
    const auto router = router_of(std::string("{kind: expert_choice, factor: ") + c.factor + "}", 4);
    const Assignments got = random_scene(c.tokens, 4, 3).route(*router);
    std::vector<Index> load(4);
    for (const std::int32_t e : got.expert) {
      ++load[static_cast<std::size_t>(e)];
    }
    EXPECT_EQ(load, std::vector<Index>(4, c.each)) << c.tokens << " tokens, factor " << c.factor;
  }
}

TEST(ExpertChoice, TopKTraitIsTheMeanNumberOfExperts) {
  EXPECT_EQ(router_of("{kind: expert_choice, factor: 0.1}", 8)->traits().top_k, 1);
  EXPECT_EQ(router_of("{kind: expert_choice, factor: 2.5}", 8)->traits().top_k, 3);
  EXPECT_EQ(router_of("{kind: expert_choice, factor: 100}", 8)->traits().top_k, 8);
}

TEST(ExpertChoice, RefusesWrongFactors) {
  EXPECT_EQ(build("router: {kind: expert_choice, factor: 0}", 8).errors(),
            "x.yaml:1:39: error: router.factor: got 0; expected a number from 0.001 to 65536 [out-of-range]");
  EXPECT_EQ(build("router: {kind: expert_choice, factor: many}", 8).errors(),
            "x.yaml:1:39: error: router.factor: got the text \"many\"; expected a number from 0.001 to 65536 "
            "[wrong-type]");
}

TEST(ExpertChoice, NamesTheFamilyOfAForeignKey) {
  EXPECT_EQ(build("router: {kind: expert_choice, top_k: 2}", 8).errors(),
            "x.yaml:1:31: error: router.top_k: unknown key; expected one of factor, kind, preset, "
            "score_func [unknown-key]\n  help: " +
                families_with_key("top_k"));
}

}  // namespace
}  // namespace moesim::testing
