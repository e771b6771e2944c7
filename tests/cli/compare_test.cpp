// moesim compare through the command line.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/temp_folder.h"

namespace moesim {
namespace {

class Compare : public testing::Test {
 protected:
  int run(const std::string& line, const std::string& runs = "runs") {
    const int status = std::system(("MOESIM_RUNS_DIR=" + folder_.file(runs) + " " + MOESIM_BINARY + " " +
                                    line + " >" + folder_.file("out") + " 2>" + folder_.file("err"))
                                       .c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string read(const std::string& name) const {
    std::ifstream file(folder_.file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string only_run(const std::string& runs) const {
    return std::filesystem::directory_iterator(folder_.file(runs))->path();
  }
  TempFolder folder_;
};

const std::string kSmall = " --set workload.tokens=128 --set workload.steps=2 --set layer.d_ff=64 ";

TEST_F(Compare, AConfigWithItselfHasTheSameBits) {
  ASSERT_EQ(run("compare quickstart quickstart --budget 0.3 -o json" + kSmall), 0) << read("err");
  const auto row = nlohmann::json::parse(read("out"))[0];
  EXPECT_EQ(row["schema"], "moesim.compare/1");
  EXPECT_TRUE(row["same_routing"]);
  EXPECT_TRUE(row["same_output"]);
  EXPECT_TRUE(row["live"]);
  EXPECT_GE(row["rounds"].get<int>(), 12);
  EXPECT_LE(row["tokens_per_s.ratio.lo"].get<double>(), row["tokens_per_s.ratio"].get<double>());
}

// On a machine with much else to do a short measurement may be too noisy for a verdict, a longer one not.
TEST_F(Compare, ManyTimesTheWorkIsSlowerAndFailsTheCondition) {
  const std::string line = "compare quickstart --set-b layer.d_ff=4096" + kSmall +
                           "--fail-on tokens_per_s:-5% --fail-on tokens_per_s:-99% --fail-on "
                           "active_params:+1000 --fail-on load_cv:+0.5";
  for (const char* budget : {"0.5", "3", "20"}) {
    ASSERT_EQ(run(line + " --budget " + budget), 1) << read("err");
    EXPECT_EQ(read("out").find("B faster"), std::string::npos) << read("out");
    if (read("out").find("B slower") != std::string::npos) {
      break;
    }
  }
  EXPECT_NE(read("out").find("layer.d_ff"), std::string::npos) << read("out");
  EXPECT_NE(read("out").find("B slower"), std::string::npos) << read("out");
  const std::string err = read("err");
  EXPECT_NE(err.find("fails    tokens_per_s:-5%: B quickstart --set layer.d_ff=4096"), std::string::npos)
      << err;
  EXPECT_NE(err.find("fails    active_params:+1000"), std::string::npos) << err;
  EXPECT_EQ(err.find("tokens_per_s:-99%"), std::string::npos) << err;
  EXPECT_EQ(err.find("load_cv"), std::string::npos) << err;
}

TEST_F(Compare, AFailedConditionNamesItsFigures) {
  ASSERT_EQ(run("compare quickstart --set capacity=none --set-b router.top_k=1 --budget 0 --fail-on "
                "active_params:-10% --fail-on "
                "experts_per_token:-0.5 --fail-on load_cv:-100%" +
                kSmall),
            1);
  const std::string err = read("err");
  EXPECT_NE(
      err.find("experts_per_token:-0.5: B quickstart --set router.top_k=1\n         A 2, B 1: a change of "
               "-1, the limit is -0.5\n"),
      std::string::npos)
      << err;
  EXPECT_NE(err.find(" %, the limit is -10 %\n"), std::string::npos) << err;
}

TEST_F(Compare, ASectionOfOneSideIsOneSetting) {
  const std::string whole = "{formula: gshard, factor: 1.25}";
  for (const bool first : {true, false}) {
    const std::string base = "compare quickstart --budget 0 --set capacity=";
    ASSERT_EQ(run(base + (first ? "none" : "'" + whole + "'") +
                  " --set-b capacity=" + (first ? "'" + whole + "'" : "none") + kSmall),
              0)
        << read("err");
    const std::string out = read("out");
    EXPECT_NE(out.find("config   1 setting differs:\n  capacity "), std::string::npos) << out;
    EXPECT_NE(out.find("factor: 1.25"), std::string::npos) << out;
    EXPECT_NE(out.find(first ? "A none   B {" : "   B none"), std::string::npos) << out;
    EXPECT_EQ(out.find("(not there)"), std::string::npos) << out;
  }
}

TEST_F(Compare, StoredRunsAreComparedThroughTheirYardsticks) {
  ASSERT_EQ(run("run quickstart --budget 0.5 --set measure.min_samples=6" + kSmall, "a"), 0);
  ASSERT_EQ(run("run quickstart --budget 0.5 --set measure.min_samples=6 --set router.top_k=1" + kSmall, "b"),
            0);
  ASSERT_EQ(run("compare " + only_run("a") + " " + only_run("b")), 0) << read("err");
  const std::string text = read("out");
  EXPECT_NE(text.find("1 setting differs:\n  router.top_k"), std::string::npos) << text;
  EXPECT_NE(text.find("measured at different times: not compared"), std::string::npos) << text;
  EXPECT_NE(text.find("margin of 3.0 % for noise"), std::string::npos) << text;
  ASSERT_EQ(run("compare " + only_run("a") + " " + only_run("a") + " -o json"), 0);
  const auto row = nlohmann::json::parse(read("out"))[0];
  EXPECT_TRUE(row["same_routing"]);
  EXPECT_EQ(row["verdict"], "no clear difference");
}

TEST_F(Compare, StoredSweepsAreComparedPointByPoint) {
  const std::string sweep =
      "sweep quickstart -p router.top_k=1,2 --budget 0.1 --set measure.min_samples=5" + kSmall;
  ASSERT_EQ(run(sweep, "a"), 0) << read("err");
  ASSERT_EQ(run(sweep + "--seed 7", "b"), 0) << read("err");
  ASSERT_EQ(run("compare " + only_run("a") + " " + only_run("b")), 0) << read("err");
  EXPECT_NE(read("out").find("\nrouter.top_k=2\n"), std::string::npos) << read("out");
}

TEST_F(Compare, EqualRoutingDoesNotHideOtherDifferences) {
  ASSERT_EQ(run("compare quickstart --set-b layer.d_ff=128 --budget 0.1 --set workload.tokens=64 --set "
                "workload.steps=1"),
            0);
  EXPECT_NE(read("out").find("same bits"), std::string::npos) << read("out");
  EXPECT_NE(read("out").find("total parameters"), std::string::npos) << read("out");
}

TEST_F(Compare, AChangeOfSpeedWithoutPercentIsRefusedBeforeAnythingIsLoaded) {
  EXPECT_EQ(run("compare not_there.yaml neither.yaml --fail-on tokens_per_s:-5"), 64);
  EXPECT_NE(read("err").find("compared as a ratio"), std::string::npos) << read("err");
}

TEST_F(Compare, WhatWasNotMeasuredIsNoNumber) {
  EXPECT_EQ(run("compare quickstart quickstart --budget 0 --fail-on seconds.experts:+5%" + kSmall), 64);
  EXPECT_EQ(
      run("compare quickstart --set-b workload.tokens=0 --budget 0 --fail-on tokens_per_s:-5%" + kSmall), 64);
}

TEST_F(Compare, WrongInputsSayWhatIsExpected) {
  folder_.write("runs/x/results.sqlite", "");
  folder_.write("runs/y/nothing", "");
  const std::string folder = folder_.file("runs/x");
  for (const std::string& other : {folder, std::string("quickstart")}) {
    EXPECT_EQ(run("compare " + folder_.file("runs/y") + " " + other), 66);
    EXPECT_NE(
        read("err").find("runs/y/results.sqlite: error: there is no such file; expected the results of a "
                         "run or a sweep [file-missing]"),
        std::string::npos)
        << read("err");
  }
  EXPECT_EQ(run("compare quickstart"), 64);
  EXPECT_NE(
      read("err").find("one config and nothing to compare it with; expected two configs, two folders of "
                       "runs, or one config with --set-b [bad-option]\n"
                       "  help: --set-b router.top_k=1 sets that for B alone"),
      std::string::npos)
      << read("err");
  EXPECT_EQ(run("compare " + folder + " quickstart"), 64);
  EXPECT_EQ(run("compare " + folder), 64);
  EXPECT_EQ(run("compare " + folder + " " + folder_.file("runs/none")), 66);
  EXPECT_NE(
      read("err").find("runs/none: error: there is no such folder; expected a second folder of results"),
      std::string::npos)
      << read("err");
  EXPECT_EQ(run("compare " + folder + " " + folder + " --seed 3"), 64);
  EXPECT_EQ(run("compare " + folder + " " + folder), 65);
  EXPECT_EQ(run("compare quickstart quickstart --set-b seed=3"), 64);
  EXPECT_EQ(run("compare quickstart --set-b seed=x"), 78);
  for (const char* bad : {"x", "x:5%", "x:-", "x:-0%", ":-5%", "load_cv:+-5%", "tokens_per_s:-a%"}) {
    EXPECT_EQ(run(std::string("compare quickstart quickstart --fail-on ") + bad), 64) << bad;
  }
  // Nothing is measured before the metrics are known.
  EXPECT_EQ(run("compare quickstart quickstart --budget 600 --fail-on load_vc:+1" + kSmall), 64);
  EXPECT_NE(read("err").find("measures no m.load_vc; expected a metric such as tokens_per_s"),
            std::string::npos)
      << read("err");
  EXPECT_NE(read("err").find("help: did you mean 'load_cv'?"), std::string::npos) << read("err");
}

}  // namespace
}  // namespace moesim
