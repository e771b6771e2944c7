// Token choice, SparseMixer and top-any against naive oracles, on seeded inputs full of ties and biases.

#include <gtest/gtest.h>

#include "building.h"
#include "core/random.h"
#include "oracle/token_choice.h"

namespace moesim::testing {
namespace {

struct Draw {
  explicit Draw(std::uint64_t index) : sequence({.seed = 2024, .stream = Stream::test}, index) {}
  RandomSequence sequence;

  template <class T>
  T among(const std::vector<T>& values) {
    return values[sequence.next_below(static_cast<std::uint32_t>(values.size()))];
  }
  bool coin() { return sequence.next_below(2) == 1; }
};

NaiveStages random_stages(Draw& draw, int num_experts) {
  NaiveStages s;
  s.score_func = draw.among<std::string>({"softmax", "sigmoid", "sqrt_softplus", "relu", "raw"});
  s.expert_bias_on = "score";
  if (num_experts % 4 == 0 && draw.coin()) {
    s.num_expert_groups = draw.among<int>({2, 4, num_experts / 2});
    s.num_limited_groups = 1 + static_cast<int>(draw.sequence.next_below(s.num_expert_groups));
    s.mask_fill = draw.among<std::string>({"neg_inf", "zero"});
  }
  const int reachable = num_experts / s.num_expert_groups * s.num_limited_groups;
  s.top_k = draw.among<int>({1, 1 + static_cast<int>(draw.sequence.next_below(reachable)), reachable});
  s.group_score = draw.among<std::string>({"max", "sum_top_2", "sum_top_k_over_groups"});
  if (s.top_k < s.num_limited_groups && s.group_score == "sum_top_k_over_groups") {
    s.group_score = "max";
  }
  s.select = draw.among<std::string>({"top_k", "top_k", "top_p", "threshold", "positive"});
  if (s.select == "top_p") {
    s.score_func = "softmax";
  }
  s.select_on = draw.among<std::string>({"score", "score", "logit"});
  s.top_p = draw.among<double>({0.0, 0.4, 0.9, 0.99});
  s.threshold = draw.among<double>({-0.25, 0.1, 0.5});
  s.norm_floor = draw.among<std::string>({"add", "clamp"});
  s.norm_single = draw.coin();
  s.softmax_after_top_k = draw.coin();
  s.weightless_experts = s.softmax_after_top_k ? 0 : std::min(draw.among<int>({0, 0, 1, 3}), num_experts - 1);
  s.route_norm = s.score_func != "raw" && draw.coin();
  s.norm_eps = draw.among<double>({0.0, 0.01});
  s.route_scale = draw.among<double>({1.0, 2.5});
  return s;
}

// Real numbers, of which about a third repeat an earlier one of the row.
std::vector<float> row_with_ties(Draw& draw, int num_experts) {
  std::vector<float> row;
  for (int e = 0; e < num_experts; ++e) {
    const bool repeat = e > 0 && draw.sequence.next_below(3) == 0;
    row.push_back(repeat ? row[draw.sequence.next_below(e)]
                         : static_cast<float>(draw.sequence.next_uniform() * 8 - 4));
  }
  return row;
}

void compare(const TokenChoices& real, const NaiveChoice& naive, const std::string& what) {
  ASSERT_EQ(real.expert.size(), naive.expert.size()) << what;
  for (std::size_t j = 0; j < real.expert.size(); ++j) {
    ASSERT_EQ(real.expert[j], naive.expert[j]) << what << " choice " << j;
    ASSERT_NEAR(real.weight[j], naive.weight[j], 2e-6 * std::abs(naive.weight[j]) + 1e-9) << what;
    ASSERT_NEAR(real.score[j], naive.score[j], 1e-6 * std::abs(naive.score[j]) + 1e-9) << what;
  }
}

TEST(TokenChoice, EqualsTheNaiveOracleOnAThousandInputs) {
  int ambiguous = 0;
  int compared = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Draw draw(i);
    const int num_experts = draw.among<int>({1, 2, 5, 8, 16, 32});
    NaiveStages stages = random_stages(draw, num_experts);
    const int num_tokens = draw.among<int>({0, 1, 3});
    std::vector<std::vector<float>> rows;
    for (int t = 0; t < num_tokens; ++t) {
      rows.push_back(row_with_ties(draw, num_experts));
    }
    Scene scene = scene_of(rows, num_experts);
    if (draw.coin()) {
      for (int e = 0; e < num_experts; ++e) {
        scene.state.expert_bias.push_back(draw.among<float>({-1.5F, -0.25F, 0.0F, 0.0F, 0.5F}));
      }
    }
    std::string section = stages.section();
    if (draw.coin()) {
      stages.expert_bias_on = "logit";
      std::string zeros = "0";
      for (int e = 1; e < num_experts; ++e) {
        zeros += ", 0";
      }
      section.insert(section.size() - 1, ", expert_bias_on: logit, expert_bias: [" + zeros + "]");
    }
    const Assignments real = scene.route(*router_of(section, num_experts));
    ASSERT_EQ(real.num_tokens(), num_tokens);
    for (int t = 0; t < num_tokens; ++t) {
      const NaiveChoice naive = naive_route(stages, rows[t], scene.state.expert_bias);
      ambiguous += naive.ambiguous ? 1 : 0;
      ++compared;
      if (!naive.ambiguous) {
        compare(choices_of(real, t), naive, section + " input " + std::to_string(i));
      }
    }
  }
  EXPECT_GT(compared, 1000);
  EXPECT_LT(ambiguous, compared / 50);
}

TEST(SparseMixer, EqualsTheNaiveOracleOnAThousandInputs) {
  int ambiguous = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Draw draw(i);
    const int num_experts = draw.among<int>({2, 3, 8, 16});
    const int top_k = draw.among<int>({1, 2, 2});
    const double near = draw.among<double>({0.0, 0.01, 0.2});
    std::vector<float> row = row_with_ties(draw, num_experts);
    const float centre = draw.among<float>({0.0F, 2.0F, -2.0F});
    for (float& z : row) {  // near each other, of either sign, or all 0
      z = draw.sequence.next_below(50) == 0 ? 0.0F : centre + 0.05F * z;
    }
    const std::string section =
        "{kind: sparsemixer, jitter_eps: " + std::to_string(near) + ", top_k: " + std::to_string(top_k) + "}";
    const Assignments real = scene_of({row}, num_experts).route(*router_of(section, num_experts));
    const NaiveChoice naive = naive_sparsemixer(near, top_k, row);
    ambiguous += naive.ambiguous ? 1 : 0;
    if (!naive.ambiguous) {
      compare(choices_of(real, 0), naive, section + " input " + std::to_string(i));
    }
  }
  EXPECT_LT(ambiguous, 100);
}

TEST(TopAny, EqualsTheNaiveOracleOnAThousandInputs) {
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Draw draw(i);
    const int num_experts = draw.among<int>({1, 2, 8, 16});
    const double scale = draw.among<double>({1.0, 10.0});
    const bool fall_back = draw.coin();
    std::vector<double> thresholds;
    std::string list;
    for (int e = 0; e < num_experts; ++e) {
      thresholds.push_back(draw.among<double>({-1.0, 0.0, 0.25, 1.0}));
      list += (e == 0 ? "" : ", ") + std::to_string(thresholds.back());
    }
    const std::vector<float> row = row_with_ties(draw, num_experts);
    const std::string section = "{kind: top_any, logit_scale: " + std::to_string(scale) + ", thresholds: [" +
                                list + "], fallback: " + (fall_back ? "best" : "none") + "}";
    const Assignments real = scene_of({row}, num_experts).route(*router_of(section, num_experts));
    const NaiveChoice naive = naive_top_any(scale, thresholds, fall_back, row);
    if (!naive.ambiguous) {
      compare(choices_of(real, 0), naive, section + " input " + std::to_string(i));
    }
  }
}

}  // namespace
}  // namespace moesim::testing
