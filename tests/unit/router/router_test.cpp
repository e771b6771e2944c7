// What every router's call refuses.

#include "router/router.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "building.h"

namespace moesim::testing {
namespace {

std::string error_of(const Scene& scene, const std::string& section) {
  try {
    scene.route_any(*router_of(section, scene.logits.cols()));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Router, NamesTokenAndExpertOfALogitThatIsNotFinite) {
  const float inf = std::numeric_limits<float>::infinity();
  const struct {
    float value;
    const char* name;
  } cases[] = {{std::nanf(""), "NaN"}, {inf, "infinity"}, {-inf, "-infinity"}};
  for (const auto& c : cases) {
    Scene scene = random_scene(9, 8, 1);
    scene.logits.row(3)[5] = c.value;
    for (const char* section : {"{preset: mixtral}", "{preset: gpt_oss}", "{kind: expert_choice}"}) {
      EXPECT_EQ(error_of(scene, section), std::string("layer 0, token 3, expert 5: error: the logit is ") +
                                              c.name + "; expected a finite number [not-finite]");
    }
  }
}

TEST(Router, ALogitThatIsNotFiniteIsBadDataWithHelp) {
  Scene scene = random_scene(9, 8, 1);
  scene.logits.row(0)[0] = std::nanf("");
  try {
    scene.route_any(*router_of("{preset: mixtral}", 8));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_EQ(error.help(), "look for overflow in the tokens' vectors or in the gate");
  }
}

TEST(Router, NamesTheFirstOfManyOnAnyNumberOfThreads) {
  Scene scene = random_scene(1000, 8, 1);
  scene.batch.first_token = 5000;
  scene.layer = 2;
  for (const Index t : {130, 131, 500, 999}) {
    scene.logits.row(t)[6] = std::nanf("");
    scene.logits.row(t)[7] = std::nanf("");
  }
  const auto router = router_of("{preset: mixtral}", 8);
  for (std::uint64_t delay = 1; delay <= 5; ++delay) {
    try {
      scene.route_any(*router, {.threads = 7, .task_delay_seed = delay});
      FAIL();
    } catch (const Error& error) {
      EXPECT_STREQ(
          error.what(),
          "layer 2, token 5130, expert 6: error: the logit is NaN; expected a finite number [not-finite]");
    }
  }
}

TEST(Router, RoutersWithoutLogitsDoNotLookAtThem) {
  Scene scene = random_scene(9, 8, 1);
  scene.logits.row(3)[5] = std::nanf("");
  EXPECT_EQ(error_of(scene, "{kind: hash}"), "no error");
  EXPECT_EQ(error_of(scene, "{kind: random}"), "no error");
}

TEST(Router, NamesTokenAndExpertOfAWeightThatOverflows) {
  Scene scene = random_scene(3, 8, 1);
  scene.logits.row(1)[4] = std::numeric_limits<float>::max();
  EXPECT_EQ(
      error_of(scene, "{kind: token_choice, score_func: relu, route_scale: 10}"),
      "layer 0, token 1, expert 4: error: the weight is infinity; expected a finite number [not-finite]");
  EXPECT_EQ(error_of(scene, "{kind: token_choice, score_func: relu, route_scale: 10, route_norm: true}"),
            "no error");
  EXPECT_EQ(error_of(scene, "{preset: deepseek_v3, num_expert_groups: 1}"), "no error");
}

TEST(Router, ScoresThatAllUnderflowAreNoError) {
  const Scene scene = scene_of({std::vector<float>(8, -1e30F)}, 8);
  for (const char* section : {"{preset: deepseek_v3, num_expert_groups: 1}", "{preset: minimax_m2}",
                              "{kind: token_choice, score_func: relu, route_norm: true}"}) {
    EXPECT_EQ(error_of(scene, section), "no error") << section;
  }
  EXPECT_EQ(choices_of(scene.route(*router_of("{preset: minimax_m2}", 8)), 0).weight,
            std::vector<float>(8, 0.0F));
}

TEST(Router, NamesTheNumbersOfABatchThatDoesNotDivide) {
  Scene scene = random_scene(9, 8, 1);
  scene.layer = 1;
  EXPECT_EQ(error_of(scene, "{kind: base_assignment}"),
            "layer 1: error: a batch of 9 tokens does not divide among 8 experts; expected a multiple of 8 "
            "tokens [not-divisible]");
  EXPECT_EQ(error_of(scene, "{kind: base_assignment, mode: eval}"), "no error");
}

TEST(Router, RefusesSizesThatDoNotFit) {
  Scene scene = random_scene(4, 8, 1);
  scene.batch.hidden.resize(5, 1);
  EXPECT_NE(error_of(scene, "{preset: mixtral}").find("one row of logits per token"), std::string::npos);
  EXPECT_NE(error_of(scene, "{kind: hash}").find("one id per token"), std::string::npos);
  Scene narrow = random_scene(4, 8, 1);
  EXPECT_THROW(narrow.route_any(*router_of("{preset: mixtral}", 9)), Error);
  narrow.state.expert_bias = {1.0F};
  EXPECT_NE(error_of(narrow, "{preset: mixtral}").find("one number per expert"), std::string::npos);
  narrow.state.expert_bias.assign(8, std::nanf(""));
  EXPECT_NE(error_of(narrow, "{preset: mixtral}").find("not finite"), std::string::npos);
  narrow.state = {};
  narrow.state.threshold = {1.0F};
  EXPECT_NE(error_of(narrow, "{preset: mixtral}").find("a threshold needs one number"), std::string::npos);
}

}  // namespace
}  // namespace moesim::testing
