// moesim balance through the command line, and runs that are steered.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/temp_folder.h"

namespace moesim {
namespace {

class Balance : public testing::Test {
 protected:
  int run(const std::string& line) {
    const int status = std::system(("MOESIM_RUNS_DIR=" + folder_.file("runs") + " " + MOESIM_BINARY + " " +
                                    line + " >" + folder_.file("out") + " 2>" + folder_.file("err"))
                                       .c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(folder_.file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  nlohmann::json json() const { return nlohmann::json::parse(read("out")); }
  TempFolder folder_;
};

const std::string kLoop =
    "balance quickstart --set router={kind:\\ token_choice,\\ score_func:\\ sigmoid} --set "
    "workload.tokens=64 --set "
    "balance.steps=60 --set balance.stream.kind=stationary ";

TEST_F(Balance, AListOfRowsTheRouterAloneFirst) {
  ASSERT_EQ(run("balance balance_controllers -o json --set balance.steps=60"), 0) << read("err");
  const nlohmann::json rows = json();
  ASSERT_EQ(rows.size(), 14u);
  EXPECT_EQ(rows[0]["controller"], "none");
  EXPECT_FALSE(rows[0].contains("p.controller.kind"));
  EXPECT_EQ(rows[2]["controller"], "loss_free_sign rate=0.01");
  EXPECT_EQ(rows[2]["p.controller.rate"], 0.01);
  EXPECT_EQ(rows[2]["p.controller.freeze_after"], "never");
  EXPECT_FALSE(rows[2].contains("p.balance.controllers[0].kind"));
  EXPECT_EQ(rows[2]["p.balance.stream.kind"], "drifting");
  for (const nlohmann::json& row : rows) {
    EXPECT_EQ(row["schema"], "moesim.balance/1");
    EXPECT_EQ(row["m.max_violation.step_0"], rows[0]["m.max_violation.step_0"]);
    EXPECT_TRUE(row["m.noise_floor.max_violation"].is_number());
  }
  EXPECT_EQ(rows[0]["m.gate_mass.kept"], 1.0);
  EXPECT_TRUE(rows[0]["m.first_step_below_half"].is_null());
  EXPECT_LT(rows[10]["m.max_violation.last_50"], 0.6);  // quantile_balancing
}

TEST_F(Balance, TheScreenHasALineForEachAndTheNoiseFloor) {
  ASSERT_EQ(run(kLoop + "--set balance.controller.kind=loss_free_prop --seed 1"), 0) << read("err");
  const std::string out = read("out");
  for (const char* text :
       {"CLOSED LOOP  quickstart: 8 experts, top-2, 60 steps of 64 tokens, seed 1\n",
        "router token_choice, steered on scores; logits stationary\n",
        "step 0     1-5   45-55  last 50  below 0.5    dead  score kept  all steps\n", "\n  none            ",
        "\n  loss_free_prop  ", "\n  chance          ", "a uniform random router, one step (95 %: "}) {
    EXPECT_NE(out.find(text), std::string::npos) << text << "\n" << out;
  }
}

TEST_F(Balance, EveryStepAsRows) {
  const std::string file = folder_.file("steps.csv");
  ASSERT_EQ(run(kLoop + "--set balance.controller.kind=smebu --by-step -o jsonl --out " + file), 0)
      << read("err");
  const std::string out = read("out");
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 120);
  const auto last = nlohmann::json::parse(out.substr(out.rfind('\n', out.size() - 2) + 1));
  EXPECT_EQ(last["schema"], "moesim.balance_step/1");
  EXPECT_EQ(last["controller"], "smebu");
  EXPECT_EQ(last["step"], 59);
  EXPECT_EQ(read("steps.csv")
                .rfind("schema,controller,step,max_violation,min_violation,dead_experts,gate_mass,", 0),
            0u);
  EXPECT_EQ(run(kLoop + "--set balance.controller.kind=smebu --by-step"), 64);
  EXPECT_EQ(read("err"),
            "--by-step: error: has no effect with -o table; expected -o csv, json, jsonl or md [no-effect]\n"
            "  help: -o csv --by-step\n");
}

TEST_F(Balance, AConfigWithoutAControllerSaysWhatToAdd) {
  EXPECT_EQ(run("balance quickstart"), 78);
  EXPECT_EQ(
      read("err"),
      "quickstart (built in): error: balance: names no controller; expected a section such as {controllers: "
      "[{kind: loss_free_sign}, {kind: quantile_balancing}]} [missing-key]\n"
      "  help: --set balance.controller.kind=loss_free_sign\n");
  EXPECT_EQ(run("balance quickstart --set balance.controller.kind=smebu --set balance.steps=2"), 0)
      << read("err");
}

TEST_F(Balance, TwoSeedsDifferAndOneSeedRepeats) {
  const std::string line = kLoop + "--set balance.controller.kind=smebu -o json --seed ";
  ASSERT_EQ(run(line + "1 --threads 1"), 0) << read("err");
  const nlohmann::json one = json();
  ASSERT_EQ(run(line + "1 --threads 3"), 0);
  nlohmann::json again = json();
  for (const char* key : {"m.max_violation.last_50", "m.gate_mass.last_50"}) {
    EXPECT_EQ(again[1][key], one[1][key]);
  }
  ASSERT_EQ(run(line + "2"), 0);
  EXPECT_NE(json()[1]["m.gate_mass.last_50"], one[1]["m.gate_mass.last_50"]);
}

TEST_F(Balance, ARunIsSteeredByOneController) {
  const std::string line =
      "run balance_run -o json --no-store --budget 0 --set execute=false --set baselines=none --set "
      "workload.tokens=512 ";
  ASSERT_EQ(run(line), 0) << read("err");
  const nlohmann::json steered = json();
  EXPECT_LT(steered["m.max_violation.last_step"], steered["m.max_violation.first_step"]);
  EXPECT_EQ(steered["p.balance.controller.kind"], "quantile_balancing");
  ASSERT_EQ(run(line + "--set balance=none"), 0) << read("err");
  EXPECT_FALSE(json().contains("m.max_violation.last_step"));
  EXPECT_GT(json()["m.max_violation.mean_of_steps"], steered["m.max_violation.mean_of_steps"]);
  EXPECT_EQ(run("run balance_controllers --no-store"), 78);
  EXPECT_NE(
      read("err").find("balance.controllers: has no effect because a run applies one balance.controller to "
                       "its own steps [no-effect]"),
      std::string::npos)
      << read("err");
  EXPECT_EQ(run("validate balance_controllers"), 0) << read("err");
}

TEST_F(Balance, ASweepMayVaryTheController) {
  ASSERT_EQ(
      run("sweep balance_run --budget 0 -o jsonl --set execute=false --set baselines=none --set "
          "workload.tokens=256 --set workload.steps=4 --set balance.controller={kind:\\ loss_free_sign} -p "
          "balance.controller.rate=0.001,0.1"),
      0)
      << read("err");
  const std::string out = read("out");
  ASSERT_EQ(std::count(out.begin(), out.end(), '\n'), 2) << out;
  const auto slow = nlohmann::json::parse(out.substr(0, out.find('\n')));
  const auto fast = nlohmann::json::parse(out.substr(out.find('\n') + 1));
  EXPECT_EQ(slow["p.balance.controller.rate"], 0.001);
  EXPECT_NE(slow["m.routing_hash"], fast["m.routing_hash"]);
}

}  // namespace
}  // namespace moesim
