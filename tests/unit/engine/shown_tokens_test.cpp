// What a record keeps of single tokens, held against the assignments of the steps themselves.

#include <gtest/gtest.h>

#include "engine/run.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

struct Seen {
  Assignments assignments;
  std::vector<Index> ran_on;  // of each assignment; −1: dropped
};

class ShownTokens : public testing::Test {
 protected:
  RunRecord run(const std::string& more, RunOptions options) {
    const Experiment experiment = load_experiment(
        folder_.write("shown.yaml",
                      "layer: {d_model: 16, d_ff: 8, num_experts: 4, num_layers: 3}\n"
                      "workload: {kind: text, files: [one.txt, two.txt], tokens: 64, steps: 3}\n"
                      "router: {kind: token_choice, top_k: 2}\n" +
                          more),
        {});
    options.measure = false;
    options.on_layer = [this](Index step, const LayerEvent& event) {
      if (step == 0) {
        Seen seen{event.assignments, {}};
        for (const Index row : event.plan.assignment_row) {
          seen.ran_on.push_back(row < 0 ? -1 : event.plan.expert_of_row(row));
        }
        seen_.push_back(std::move(seen));
      }
    };
    return run_experiment(experiment, options);
  }
  void expect_as_seen(std::size_t layer, std::size_t token, const std::vector<ShownAssignment>& shown) {
    const Seen& seen = seen_.at(layer);
    const auto first = static_cast<std::size_t>(seen.assignments.begin[token]);
    ASSERT_EQ(static_cast<Index>(shown.size()),
              seen.assignments.begin[token + 1] - seen.assignments.begin[token]);
    for (std::size_t i = 0; i < shown.size(); ++i) {
      EXPECT_EQ(shown[i].expert, seen.assignments.expert[first + i]);
      EXPECT_EQ(shown[i].weight, seen.assignments.weight[first + i]);
      EXPECT_EQ(shown[i].kept, seen.ran_on[first + i] >= 0);
      const bool moved = shown[i].kept && seen.ran_on[first + i] != shown[i].expert;
      EXPECT_EQ(shown[i].moved_to, moved ? seen.ran_on[first + i] : -1);
      moved_ += moved ? 1 : 0;
      dropped_ += shown[i].kept ? 0 : 1;
    }
  }

  void SetUp() override {
    std::string text;
    for (int i = 0; i < 200; ++i) {
      text += "word" + std::to_string(i % 7) + " ";
    }
    folder_.write("one.txt", text);
    folder_.write("two.txt", text + "end ");
  }
  TempFolder folder_;
  std::vector<Seen> seen_;
  int moved_ = 0;
  int dropped_ = 0;
};

TEST_F(ShownTokens, OfEveryLayerAreWhatItsRouterChose) {
  const RunRecord record = run("capacity: {factor: 0.75}\n", {.detail = true});
  ASSERT_EQ(record.detail.tokens.size(), 64u);
  ASSERT_EQ(record.detail.later_layers.size(), 2u);
  for (std::size_t t = 0; t < 64; ++t) {
    expect_as_seen(0, t, record.detail.tokens[t].assignments);
    for (std::size_t l = 1; l < 3; ++l) {
      EXPECT_EQ(record.detail.later_layers[l - 1].layer, static_cast<Index>(l));
      expect_as_seen(l, t, record.detail.later_layers[l - 1].of_token.at(t));
    }
  }
  EXPECT_GT(dropped_, 0);
}

TEST_F(ShownTokens, OfTheFirstLayerAloneWhereAskedForNoMore) {
  const RunRecord record = run("", {.detail = true, .detail_of_layers = false});
  EXPECT_EQ(record.detail.tokens.size(), 64u);
  EXPECT_TRUE(record.detail.later_layers.empty());
  EXPECT_TRUE(run("", {}).detail.tokens.empty());
}

TEST_F(ShownTokens, SayWhereAReroutedOneRan) {
  const RunRecord record = run("capacity: {factor: 0.75, drop: ntlb}\n", {.show_tokens = 64});
  ASSERT_EQ(record.shown_tokens.size(), 64u);
  for (std::size_t t = 0; t < 64; ++t) {
    expect_as_seen(0, t, record.shown_tokens[t].assignments);
  }
  EXPECT_GT(moved_, 0);
}

}  // namespace
}  // namespace moesim
