// Every controller against a second implementation: 1,000 seeded courses of up to three steps each, full of
// ties, with idle experts, negative biases, fewer tokens than experts, one token, one expert, and k = E.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <map>

#include "controlling.h"
#include "core/random.h"
#include "oracle/controllers.h"

namespace moesim::testing {
namespace {

struct Draw {
  explicit Draw(std::uint64_t index) : sequence({.seed = 77, .stream = Stream::test}, index) {}
  RandomSequence sequence;

  int below(int bound) { return static_cast<int>(sequence.next_below(static_cast<std::uint32_t>(bound))); }
  bool coin() { return below(2) == 1; }
  // Two digits: the config's text and the oracle's number are the same double.
  double number(double low, double high) {
    return std::stod(fmt::format("{:.2g}", low + sequence.next_uniform() * (high - low)));
  }
  std::string among(const std::vector<std::string>& words) {
    return words[static_cast<std::size_t>(below(static_cast<int>(words.size())))];
  }
};

struct Scene {
  NaiveRule rule;
  std::string section;
};

// Draws the settings of a kind.
Scene scene_of_kind(const std::string& kind, int top_k, Draw& draw) {
  Scene scene;
  NaiveRule& rule = scene.rule;
  rule.kind = kind;
  std::string keys;
  const auto number = [&](const char* key, double& value, double low, double high) {
    value = draw.number(low, high);
    keys += fmt::format(", {}: {}", key, value);
  };
  const auto word = [&](const char* key, const std::vector<std::string>& words) {
    rule.variant = draw.among(words);
    keys += fmt::format(", {}: {}", key, rule.variant);
  };
  if (kind == "loss_free_sign" || kind == "loss_free_mul") {
    number("rate", rule.rate, 0, 0.5);
  } else if (kind == "loss_free_sign_centered") {
    number("rate", rule.rate, 0, 0.5);
    word("centre", {"update", "bias"});
  } else if (kind == "loss_free_prop") {
    number("rate", rule.rate, 0, 0.5);
    word("error", {"relative", "counts"});
  } else if (kind == "longcat") {
    number("rate", rule.rate, 0, 2);
    if (draw.coin()) {
      number("real_per_token", rule.real_per_token, 0.1, top_k);
    }
  } else if (kind == "smebu") {
    number("rate", rule.rate, 0, 0.1);
    number("kappa", rule.kappa, 0, 4);
    number("momentum", rule.momentum, 0, 0.99);
  } else if (kind == "id_balancing") {
    number("integral", rule.integral, 0, 0.1);
    number("derivative", rule.derivative, 0, 0.1);
  } else if (kind == "expert_threshold") {
    number("decay", rule.decay, 0, 0.99);
  } else if (kind == "maxvio_servo") {
    number("target", rule.target, 0, 2);
    number("by", rule.by, 0, 0.3);
    word("step", {"exponential", "additive"});
    rule.lowest = 1e-3;
    rule.highest = 0.5;
    keys += ", start: 0.1, lowest: 0.001, highest: 0.5";
  } else {
    word("method", {"exact", "histogram", "rank_average"});
    if (rule.variant == "histogram") {
      rule.bins = 1 + draw.below(40);
      keys += fmt::format(", bins: {}", rule.bins);
    } else if (rule.variant == "rank_average") {
      rule.ranks = 1 + draw.below(6);
      keys += fmt::format(", ranks: {}", rule.ranks);
    }
    number("ema", rule.ema, 0, 0.9);
  }
  scene.section = "{kind: " + kind + keys + "}";
  return scene;
}

// A third of the values repeat an earlier one of their row; every fourth batch is of small whole numbers.
std::vector<std::vector<float>> values_with_ties(Draw& draw, int tokens, int experts) {
  const bool whole = draw.below(4) == 0;
  std::vector<std::vector<float>> values;
  for (int t = 0; t < tokens; ++t) {
    std::vector<float> row;
    for (int e = 0; e < experts; ++e) {
      const bool repeat = e > 0 && draw.below(3) == 0;
      const float fresh = whole ? static_cast<float>(draw.below(4) - 1)
                                : static_cast<float>(draw.sequence.next_uniform() * 4 - 2);
      row.push_back(repeat ? row[static_cast<std::size_t>(draw.below(e))] : fresh);
    }
    values.push_back(row);
  }
  return values;
}

NaiveStep naive_step(const Observed& observed, const std::vector<std::vector<float>>& values) {
  NaiveStep step;
  step.loads.assign(observed.loads.begin(), observed.loads.end());
  step.tokens = static_cast<int>(observed.tokens);
  step.top_k = static_cast<int>(observed.top_k);
  step.num_zero_experts = static_cast<int>(observed.num_zero_experts);
  for (const std::vector<float>& row : values) {
    step.values.emplace_back(row.begin(), row.end());
  }
  return step;
}

bool equal(const std::vector<double>& real, const std::vector<double>& naive) {
  if (real.size() != naive.size()) {
    return false;
  }
  for (std::size_t i = 0; i < real.size(); ++i) {
    if (!(std::abs(real[i] - naive[i]) <= 1e-12 + 1e-12 * std::abs(naive[i]))) {
      return false;
    }
  }
  return true;
}

// Whether a course of a few steps is the same in both.
bool same_course(const std::string& kind, std::uint64_t index) {
  Draw draw(index);
  const int experts = std::vector<int>{1, 2, 5, 8, 16}[static_cast<std::size_t>(draw.below(5))];
  const int tokens = std::vector<int>{1, 2, 7, 24}[static_cast<std::size_t>(draw.below(4))];
  const int top_k = draw.below(6) == 0 ? experts : 1 + draw.below(experts);
  const Scene scene = scene_of_kind(kind, top_k, draw);
  const auto controller = controller_of(scene.section, experts, top_k);
  if (controller == nullptr) {
    return false;
  }
  std::vector<float> bias;
  for (int e = 0; e < experts && draw.below(8) != 0; ++e) {
    bias.push_back(static_cast<float>(draw.number(-1, 1)));
  }
  bias.resize(bias.size() == static_cast<std::size_t>(experts) ? bias.size() : 0);

  ControllerState state = controller->start(experts, bias);
  NaiveSteering naive;
  naive.bias = state.bias;
  naive.momentum.resize(static_cast<std::size_t>(experts));
  naive.coefficient = 0.1;
  for (int step = 0; step < 1 + draw.below(3); ++step) {
    const auto values = values_with_ties(draw, tokens, experts);
    Observed observed = batch_of(values, top_k, state.bias);
    observed.num_zero_experts = kind == "longcat" ? draw.below(experts) : 0;
    state = controller->next(state, observed.record());
    naive_update(scene.rule, naive_step(observed, values), naive);
    if (!equal(state.bias, naive.bias) || !equal(state.thresholds, naive.thresholds) ||
        (kind == "maxvio_servo" && !equal({state.coefficient}, {naive.coefficient}))) {
      ADD_FAILURE() << scene.section << " case " << index << " step " << step;
      return false;
    }
  }
  return true;
}

TEST(Controllers, EqualTheOracleOnAThousandCoursesEach) {
  std::string table;
  for (const std::string& kind : controllers().names()) {
    int differing = 0;
    for (std::uint64_t index = 0; index < 1000 && differing < 5; ++index) {
      differing += same_course(kind, index) ? 0 : 1;
    }
    table += fmt::format("{:<26} {}\n", kind, differing);
    EXPECT_EQ(differing, 0) << kind;
  }
  std::printf("controller, courses of 1,000 that differ\n%s", table.c_str());
}

}  // namespace
}  // namespace moesim::testing
