// moesim replay through the command line.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "moesim_run.h"

namespace moesim {
namespace {

using Json = nlohmann::json;

class ReplayCommand : public testing::Test {
 protected:
  // 4 experts, two a token; in layer 3 expert 0 gets every token, in layer 8 all share alike.
  std::string trace() {
    std::string text = "step,layer,token,text,expert,weight,kept\n";
    for (const int layer : {3, 8}) {
      for (int t = 0; t < 32; ++t) {
        const int first = layer == 3 ? 0 : t % 4;
        const int second = layer == 3 ? 1 + t % 3 : (t + 1) % 4;
        text += fmt::format("0,{0},{1},,{2},0.5,1\n0,{0},{1},,{3},0.5,1\n", layer, t, first, second);
      }
    }
    return folder_.write("trace.csv", text);
  }
  static std::vector<Json> rows(const Outcome& outcome) {
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    const Json all = Json::parse(outcome.out);
    return {all.begin(), all.end()};
  }

  TempFolder folder_;
  const std::string small_ = " --budget 0.2 --set layer.d_model=16 --set layer.d_ff=16";
};

TEST_F(ReplayCommand, TellsOfEveryLayerAndRunsOne) {
  const std::vector<Json> all = rows(moesim_run("replay " + trace() + small_ + " -o json"));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0]["schema"], "moesim.replay/1");
  EXPECT_EQ(all[0]["layer"], 3);
  EXPECT_EQ(all[0]["m.max_violation"], 1.0);  // 32 of 64 choices, four experts
  EXPECT_EQ(all[1]["m.max_violation"], 0.0);
  EXPECT_EQ(all[1]["m.dropped_fraction"], 0.0);
  EXPECT_EQ(all[2]["schema"], "moesim.compare/1");
  EXPECT_EQ(all[2]["a.m.max_violation"], 1.0);  // the middle of two layers is the first
  EXPECT_GT(all[2]["tokens_per_s.ratio"].get<double>(), 0.0);
}

TEST_F(ReplayCommand, DropsWhatACapacityLeavesNoRoomFor) {
  const std::vector<Json> all =
      rows(moesim_run("replay " + trace() + small_ + " --layer 8 --set capacity.factor=1.0 -o json"));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0]["m.dropped_fraction"], 0.25);  // room for 16 of the 32 that expert 0 is asked for
  EXPECT_EQ(all[1]["m.dropped_fraction"], 0.0);
  EXPECT_EQ(all[2]["a.m.dropped_fraction"], 0.0);
  const Outcome screen = moesim_run("replay " + trace() + small_ + " --set capacity.factor=1.0");
  EXPECT_NE(screen.out.find(" 25 %"), std::string::npos) << screen.out;
}

TEST_F(ReplayCommand, SaysWhatItAssumes) {
  const Outcome outcome = moesim_run("replay " + trace() + " --budget 0.2");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("32 tokens of 2 layers, 4 experts, top-2"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("the model is not known: its layer is taken to be 256 wide, its experts 512"),
            std::string::npos)
      << outcome.out;
  EXPECT_NE(outcome.out.find("does not say how many experts there are"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("recorded routing"), std::string::npos) << outcome.out;
}

TEST_F(ReplayCommand, AConfigGivesEverythingButTheRouting) {
  const std::string config = folder_.write("mine.yaml",
                                           "layer: {d_model: 16, d_ff: 8, num_experts: 2}\nworkload: {kind: "
                                           "gaussian_clusters, tokens: 16, steps: 2}\n"
                                           "router: {preset: mixtral}\ncapacity: {factor: 2.0}\n");
  const std::vector<Json> all =
      rows(moesim_run("replay " + trace() + " " + config + " --budget 0.2 -o json"));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[2]["a.m.total_params"], 4 * 3 * 16 * 8);
}

// Ids alone do not say how many experts there are; the model does.
TEST_F(ReplayCommand, TakesTheExpertsOfTheModel) {
  const std::vector<Json> all =
      rows(moesim_run("replay " + trace() + " --model olmoe-1b-7b" + small_ + " -o json"));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[2]["a.m.total_params"], 64 * 3 * 16 * 16);
}

// How many experts a token chose is taken from the model, or from the counts themselves.
TEST_F(ReplayCommand, TakesCountsThatDoNotSayTopK) {
  std::string text = "layer,expert,count\n";
  for (int e = 0; e < 8; ++e) {
    text += fmt::format("5,{},{}\n", e, 10 + e);
  }
  const std::string counts = folder_.write("counts.csv", text);
  const std::vector<Json> all =
      rows(moesim_run("replay " + counts + " --model mixtral-8x7b" + small_ + " -o json"));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1]["a.m.experts_per_token"], 2.0);
}

// What a run saved is what trace stats counts and what replay routes.
TEST_F(ReplayCommand, ClosesTheCircle) {
  const std::string csv = folder_.file("saved.csv");
  const Outcome run = moesim_run("run quickstart --set capacity=none -o json --save-routing " + csv + kQuick);
  ASSERT_EQ(run.status, 0) << run.err;
  const Json record = Json::parse(run.out);
  const std::vector<Json> stats = rows(moesim_run("trace stats " + csv + " -o json"));
  ASSERT_EQ(stats.size(), 1U);
  EXPECT_DOUBLE_EQ(stats[0]["m.load_cv"].get<double>(), record["m.load_cv"].get<double>());
  EXPECT_DOUBLE_EQ(stats[0]["m.max_violation"].get<double>(), record["m.max_violation"].get<double>());
  const std::vector<Json> replayed = rows(
      moesim_run("replay " + csv + " --set workload.tokens=64 --set workload.steps=2" + small_ + " -o json"));
  EXPECT_DOUBLE_EQ(replayed[1]["a.m.load_cv"].get<double>(), record["m.load_cv"].get<double>());
}

TEST_F(ReplayCommand, SaysWhatIsWrong) {
  const auto error = [](const std::string& line, int status) {
    const Outcome outcome = moesim_run("replay " + line);
    EXPECT_EQ(outcome.status, status) << line;
    return outcome.err;
  };
  const std::string file = trace();
  EXPECT_EQ(error(file + " --layer 4", 64),
            "--layer: error: " + file + " has no layer 4; expected one of 3, 8 [no-such-layer]\n");
  EXPECT_EQ(error(file + " --model mixtral-8x7", 64),
            "--model: error: there is no model 'mixtral-8x7'; expected a name that 'moesim models' lists "
            "[unknown-variant]\n  help: did you mean 'mixtral-8x7b'?\n");
  const std::string two =
      folder_.write("two.csv",
                    "model,num_experts,top_k,layer,expert,count\na,4,2,0,0,5\na,4,2,0,1,5\n"
                    "b,4,2,0,0,5\nb,4,2,0,1,5\n");
  EXPECT_EQ(error(two, 64), two +
                                ": error: the file holds 2 recordings: model=a; model=b; expected one "
                                "[several-recordings]\n  help: --where model=a\n");
  EXPECT_EQ(error(two + " --where model=a --model mixtral-8x7b", 64),
            "--model: error: mixtral-8x7b has 8 experts, the recording 4; expected the recorded model "
            "[bad-relation]\n"
            "  help: moesim models lists the models and their experts\n");
  EXPECT_EQ(error(file + " --set router.preset=mixtral", 64),
            "--set router.preset=mixtral: error: a replay routes as recorded and executes one layer; "
            "expected a key that "
            "is not router.preset [no-effect]\n  help: moesim run takes any router, kind: recorded too\n");
  EXPECT_NE(error(file + " --set layer.num_experts=16", 64).find("[no-effect]"), std::string::npos);
  EXPECT_NE(error(file + " --set execute=false", 64).find("[no-effect]"), std::string::npos);
  EXPECT_NE(error(file + " --set layer.zero_experts=2", 64).find("[bad-relation]"), std::string::npos);
  EXPECT_NE(error(file + " --set balance.controller.kind=loss_free_sign", 78).find("[no-effect]"),
            std::string::npos);
  const std::string sweep =
      folder_.write("sweep.yaml",
                    "layer: {num_experts: 4}\nworkload: {kind: gaussian_clusters, tokens: 8}\n"
                    "router: {preset: mixtral}\nsweep: {layer.d_ff: [8, 16]}\n");
  EXPECT_NE(error(file + " " + sweep, 78).find("[sweep-section]"), std::string::npos);
  EXPECT_NE(error(folder_.file("none.csv"), 66).find("[file-missing]"), std::string::npos);
}

}  // namespace
}  // namespace moesim
