// Golden transcripts: for every family and preset what it resolves to, what it declares and what it chooses,
// in a file a person can review. Logits are small integers, so that no library's exp shows at five digits.
// MOESIM_UPDATE_GOLDEN=1 rewrites the files.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "building.h"
#include "config/yaml.h"

namespace moesim::testing {
namespace {

constexpr Index kTokens = 32;
constexpr Index kShown = 6;

std::filesystem::path golden_folder() {
  return std::filesystem::path(MOESIM_SOURCE_DIR) / "tests/golden/router";
}

std::string_view text_of(Choice choice) {
  switch (choice) {
    case Choice::token:
      return "tokens choose";
    case Choice::expert:
      return "experts choose";
    case Choice::soft:
      return "nobody chooses";
    case Choice::fixed:
      return "a table or chance chooses";
  }
  return "?";
}

std::string text_of(const RouterTraits& t) {
  std::string text =
      fmt::format("traits: {}, {} {}", text_of(t.choice), t.exact_k ? "exactly" : "on average", t.top_k);
  text += t.causal ? ", causal" : ", not causal";
  text += t.row_local ? ", row-local" : ", sees the whole batch";
  text += t.normalised ? fmt::format(", weights sum to {}", t.weight_sum) : ", weights sum to anything";
  text += t.stochastic ? ", stochastic" : "";
  text += t.by_place ? ", by place" : "";
  text += t.distinct ? "" : ", may repeat an expert";
  text += t.uses_bias ? ", uses the bias" : "";
  text += t.shift_invariant ? ", shift-invariant" : "";
  text += t.expert_symmetric ? ", experts alike" : "";
  text += t.needs_logits ? "" : ", needs no logits";
  text += t.takes_capacity ? "" : ", takes no capacity";
  text += t.most_experts > 0 ? fmt::format(", never more than {}", t.most_experts) : "";
  text += t.token_multiple > 1 ? fmt::format(", a multiple of {} tokens", t.token_multiple) : "";
  return text + "\n";
}

Scene integer_scene() {
  std::vector<std::vector<float>> rows;
  for (int t = 0; t < kTokens; ++t) {
    std::vector<float> row;
    for (int e = 0; e < kCaseExperts; ++e) {
      row.push_back(static_cast<float>((t * t * 5 + e * e * 3 + t * e * 7 + e) % 13 - 6));
    }
    rows.push_back(row);
  }
  return scene_of(rows, kCaseExperts);
}

std::string text_of(const Assignments& assignments) {
  std::string text;
  for (Index t = 0; t < kShown; ++t) {
    text += fmt::format("  token {}:", t);
    const TokenChoices choices = choices_of(assignments, t);
    for (std::size_t j = 0; j < choices.expert.size(); ++j) {
      text += fmt::format("  {} {:.5f}", choices.expert[j], choices.weight[j]);
    }
    text += choices.expert.empty() ? "  no expert" : "";
    if (!assignments.pass_through.empty()) {
      text += fmt::format("  and its own row {:.5f}", assignments.pass_through[static_cast<std::size_t>(t)]);
    }
    text += "\n";
  }
  return text;
}

std::string transcript(const std::string& section) {
  const Built built = build("router: " + section, kCaseExperts);
  EXPECT_EQ(built.errors(), "");
  std::string text = fmt::format("router: {}, {} experts, the first {} of {} tokens\n\n", section,
                                 kCaseExperts, kShown, kTokens);
  for (const ResolvedValue& value : built.binder.resolved) {
    const bool given = value.origin.find("x.yaml") == 0;
    text += fmt::format("{}: {}{}\n", value.path, value.value, given ? "" : "  # " + value.origin);
  }
  text += "\n" + text_of(built.router->traits());
  text += fmt::format("gate: {}\n\n", enum_text(built.router->gate_rule().logit));
  Scene scene = integer_scene();
  text += "logits:\n";
  for (Index t = 0; t < kShown; ++t) {
    text += fmt::format("  token {}: ", t);
    for (const float z : scene.logits.row(t)) {
      text += fmt::format(" {}", z);
    }
    text += "\n";
  }
  const bool soft = built.router->traits().choice == Choice::soft;
  text += soft ? "\nslot and its share of the output:\n" : "\nexpert and weight:\n";
  text += text_of(scene.route(*built.router));
  if (built.router->traits().uses_bias) {
    for (Index e = 0; e < kCaseExperts; ++e) {
      scene.state.expert_bias.push_back(static_cast<float>(e % 3 - 1) * 0.25F);
    }
    text += "\nwith a bias of -0.25, 0, 0.25, -0.25 ...:\n" + text_of(scene.route(*built.router));
  }
  return text;
}

void compare(const std::string& name, const std::string& section) {
  const std::filesystem::path path = golden_folder() / (name + ".txt");
  const std::string now = transcript(section);
  if (std::getenv("MOESIM_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << now;
  }
  std::ifstream file(path);
  ASSERT_TRUE(file.is_open()) << path << " is missing: run with MOESIM_UPDATE_GOLDEN=1 and review it";
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(now, golden.str()) << path;
}

// A preset may be called as its family, whose transcript has the plain name.
std::string file_of(const RouterPreset& preset) {
  return router_families().find(preset.name) == nullptr ? preset.name : "preset_" + preset.name;
}

TEST(Transcripts, OfEveryPreset) {
  for (const RouterPreset& preset : router_presets().entries()) {
    compare(file_of(preset), fmt::format("{{preset: {}}}", preset.name));
  }
}

TEST(Transcripts, OfEveryFamily) {
  for (const RouterFamily& family : router_families().entries()) {
    compare(family.name, print_yaml_value(example_section(family)));
  }
}

TEST(Transcripts, OfNothingElse) {
  std::set<std::string> known;
  for (const RouterPreset& preset : router_presets().entries()) {
    known.insert(file_of(preset));
  }
  for (const RouterFamily& family : router_families().entries()) {
    known.insert(family.name);
  }
  for (const auto& file : std::filesystem::directory_iterator(golden_folder())) {
    EXPECT_EQ(known.count(file.path().stem().string()), 1U) << file.path();
  }
}

}  // namespace
}  // namespace moesim::testing
