// moesim sweep and export through the command line.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "support/temp_folder.h"

namespace moesim {
namespace {

namespace fs = std::filesystem;

const std::string kSweep =
    " sweep quickstart -p layer.num_experts=4,8 -p router.top_k=1..3 --where 'router.top_k < "
    "layer.num_experts / 2' "
    "--budget 0.02 --set workload.tokens=64 --set workload.steps=1 --set layer.d_ff=32 --set "
    "measure.min_samples=1 ";

class Sweeps : public testing::Test {
 protected:
  int run(const std::string& line) {
    const int status = std::system(shell(line).c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string shell(const std::string& line) const {
    return "MOESIM_RUNS_DIR=" + folder_.file("runs") + " " + MOESIM_BINARY + line + " >" +
           folder_.file("out") + " 2>" + folder_.file("err");
  }
  std::string out() const { return read(folder_.file("out")); }
  std::string err() const { return read(folder_.file("err")); }
  static std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string run_folder() const {
    for (const auto& entry : fs::directory_iterator(folder_.file("runs"))) {
      return entry.path();
    }
    return "";
  }
  // What the sweep found, without what a clock says.
  nlohmann::json timeless_points() {
    EXPECT_EQ(run(kSweep + "-o json"), 0) << err();
    nlohmann::json points = nlohmann::json::parse(out());
    nlohmann::json kept = nlohmann::json::array();
    for (const nlohmann::json& point : points) {
      nlohmann::json row;
      for (const char* name :
           {"point", "place", "status", "p.layer.num_experts", "p.router.top_k", "m.routing_hash",
            "m.output_hash", "m.load_cv", "m.dropped_fraction", "m.active_params"}) {
        row[name] = point.at(name);
      }
      kept.push_back(row);
    }
    return kept;
  }

  TempFolder folder_;
};

TEST_F(Sweeps, RunsEveryPointOnceAndExports) {
  ASSERT_EQ(run(kSweep), 0) << err();
  EXPECT_NE(
      err().find("sweep    quickstart: 4 points of layer.num_experts × router.top_k; 2 left out by `where`"),
      std::string::npos)
      << err();
  EXPECT_NE(out().find("POINTS"), std::string::npos);
  EXPECT_NE(out().find("best tokens/s"), std::string::npos);
  ASSERT_EQ(run(kSweep), 0);
  EXPECT_NE(err().find("resume   4 points already finished"), std::string::npos) << err();
  EXPECT_EQ(err().find("1/4"), std::string::npos);
  EXPECT_EQ(err().find("needs "), std::string::npos) << "nothing is left to run\n" << err();
  ASSERT_EQ(run(kSweep + "--explain"), 0);
  EXPECT_NE(out().find("finished, would not run again"), std::string::npos);
  ASSERT_EQ(run(" export " + run_folder()), 0) << err();
  const std::string lines = read(run_folder() + "/results.jsonl");
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 4);
  const auto first = nlohmann::json::parse(lines.substr(0, lines.find('\n')));
  EXPECT_EQ(first["schema"], "moesim.point/1");
  EXPECT_EQ(first["p.layer.num_experts"], 4);
  EXPECT_GT(first["m.tokens_per_s"].get<double>(), 0);
  EXPECT_EQ(
      read(run_folder() + "/experts.csv")
          .find("point,step,layer,expert,routed,processed\n" + first["point"].get<std::string>() + ",,0,0,"),
      0u);
  for (const std::string format : {"csv", "md"}) {
    ASSERT_EQ(run(" export " + run_folder() + " --" + format), 0) << err();
    EXPECT_GT(fs::file_size(run_folder() + "/results." + format), 1000u);
  }
  EXPECT_EQ(run(" export " + run_folder() + " --csv --md"), 64);
  ASSERT_EQ(run(" export " + run_folder() + " --trace"), 0) << err();
  const auto trace = nlohmann::json::parse(read(run_folder() + "/trace.json"));
  std::set<int> points;
  for (const auto& event : trace) {
    points.insert(event.at("pid").get<int>());
    if (event.at("ph") == "X") {
      EXPECT_GE(event.at("dur").get<double>(), 0);
      EXPECT_LT(event.at("ts").get<double>(), 60e6);
      EXPECT_FALSE(event.at("name").get<std::string>().empty());
    }
  }
  EXPECT_EQ(points.size(), 4u);
  EXPECT_GT(trace.size(), 10u);
  EXPECT_EQ(run(" export " + folder_.file("nothing")), 66);
  EXPECT_TRUE(fs::exists(run_folder() + "/config.yaml"));
  EXPECT_TRUE(nlohmann::json::accept(read(run_folder() + "/environment.json")));
}

TEST_F(Sweeps, NothingIsBestWhereAllAreEqual) {
  ASSERT_EQ(run(" sweep quickstart -p layer.d_ff=8,16,32 --budget 0 --set workload.tokens=64 --set "
                "workload.steps=1 --set measure.min_samples=1 --set baselines=none"),
            0)
      << err();
  EXPECT_NE(out().find("best active parameters"), std::string::npos) << out();
  EXPECT_EQ(out().find("best load CV"), std::string::npos) << out();
  EXPECT_EQ(out().find("Of the differences"), std::string::npos) << "one axis\n" << out();
}

// As the scripts of experiments/ have it.
TEST_F(Sweeps, AGivenBudgetWinsOverASetOne) {
  ASSERT_EQ(run(" run quickstart --dry-run -o json --set measure.budget_s=0.2 --budget 7"), 0) << err();
  EXPECT_EQ(nlohmann::json::parse(out())["p.measure.budget_s"], 7);
}

TEST_F(Sweeps, AConfigWithASweepIsNoSingleRun) {
  const std::string config = folder_.write("s.yaml", "extends: b.yaml\nsweep: {router.top_k: [1, 2]}\n");
  folder_.write("b.yaml",
                "workload: {kind: gaussian_clusters, tokens: 64, steps: 1}\nrouter: {preset: mixtral}\n");
  EXPECT_EQ(run(" run " + config), 78);
  EXPECT_NE(err().find("help: moesim sweep " + config), std::string::npos) << err();
  EXPECT_EQ(run(" run " + config + " --set sweep=none --budget 0"), 0) << err();
  const std::string as_point = " run " + config + " --as-sweep-point";
  EXPECT_EQ(run(as_point + " --no-store --budget 0 --set measure.min_samples=1"), 0) << err();
  EXPECT_NE(out().find("next    " + std::string(MOESIM_BINARY) + as_point), std::string::npos) << out();
  EXPECT_EQ(run(" sweep " + config + " --dry-run"), 0) << err();
  EXPECT_NE(out().find("2 points of router.top_k"), std::string::npos) << out();
}

TEST_F(Sweeps, FailedPointsAreKeptWithTheirCommandAndTheRestGoesOn) {
  EXPECT_EQ(run(kSweep + "-p layer.d_model=1000000000000,16"), 3);
  EXPECT_NE(err().find("FAILED"), std::string::npos) << err();
  EXPECT_NE(out().find("again: moesim run quickstart --as-sweep-point"), std::string::npos) << out();
}

TEST_F(Sweeps, AFolderThatCannotBeWrittenIsAnErrorOfASweepAndAWarningOfARun) {
  folder_.write("file", "");
  const std::string elsewhere = "MOESIM_RUNS_DIR=" + folder_.file("file/runs") + " " + MOESIM_BINARY;
  EXPECT_EQ(WEXITSTATUS(std::system((elsewhere + kSweep + " 2>" + folder_.file("err")).c_str())), 73)
      << err();
  const std::string single = elsewhere +
                             " run quickstart --budget 0 --set workload.tokens=64 --set workload.steps=1 >" +
                             folder_.file("out") + " 2>" + folder_.file("err");
  EXPECT_EQ(WEXITSTATUS(std::system(single.c_str())), 0);
  EXPECT_NE(err().find("warning: the result was not saved"), std::string::npos) << err();
  EXPECT_NE(out().find("THROUGHPUT"), std::string::npos);
}

TEST_F(Sweeps, ARunIsKeptUnlessAskedNotTo) {
  const std::string quick = " run quickstart --budget 0 --set workload.tokens=64 --set workload.steps=1";
  ASSERT_EQ(run(quick + " --no-store"), 0);
  EXPECT_FALSE(fs::exists(folder_.file("runs")));
  ASSERT_EQ(run(quick), 0);
  EXPECT_NE(err().find("saved    " + folder_.file("runs")), std::string::npos) << err();
  ASSERT_EQ(run(" export " + run_folder()), 0) << err();
  EXPECT_NE(read(run_folder() + "/resolved.yaml").find("router:\n  preset: mixtral"), std::string::npos)
      << read(run_folder() + "/resolved.yaml");
}

// MOESIM_KILLS chooses how many; the ordinary test takes a few.
TEST_F(Sweeps, KillAtAnyMomentLosesAndDoublesNothing) {
  const TempFolder untouched;
  const nlohmann::json expected = timeless_points();
  fs::remove_all(folder_.file("runs"));
  const char* set = std::getenv("MOESIM_KILLS");
  const int kills = set == nullptr ? 12 : std::atoi(set);
  std::mt19937 random(42);
  std::size_t finished_before = 0;
  for (int kill = 0; kill < kills; ++kill) {
    const double seconds = std::uniform_real_distribution<double>(0.0, 0.5)(random);
    std::system(("timeout -s KILL " + std::to_string(seconds) + " env " +
                 shell(kSweep + (kill % 10 == 0 ? "--fresh" : "")))
                    .c_str());
    if (!fs::exists(folder_.file("runs")) || run(kSweep + "--explain") != 0) {
      continue;
    }
    const std::string text = out();
    std::size_t finished = 0;
    for (std::size_t at = text.find("would not run"); at != std::string::npos;
         at = text.find("would not run", at + 1)) {
      ++finished;
    }
    EXPECT_GE(finished, finished_before) << "kill " << kill;
    finished_before = finished;
    if (kill % 10 == 9) {  // from the start again
      EXPECT_EQ(timeless_points(), expected) << "kill " << kill;
      fs::remove_all(folder_.file("runs"));
      finished_before = 0;
    }
  }
  EXPECT_EQ(timeless_points(), expected);
  EXPECT_EQ(run(" export " + run_folder()), 0) << err();
  const std::string lines = read(run_folder() + "/results.jsonl");
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), static_cast<std::ptrdiff_t>(expected.size()));
}

TEST_F(Sweeps, AFullDiskEndsItAndTheSameCommandGoesOn) {
  const nlohmann::json expected = timeless_points();
  const std::uintmax_t whole = fs::file_size(run_folder() + "/results.sqlite");
  std::mt19937 random(7);
  int stopped = 0;
  for (int trial = 0; trial < 5; ++trial) {
    fs::remove_all(folder_.file("runs"));
    const double share = std::uniform_real_distribution<double>(0.2, 0.95)(random);
    const auto blocks =
        static_cast<std::uintmax_t>(share * static_cast<double>(whole)) / 512;  // of sh's ulimit
    const int status = std::system(("ulimit -f " + std::to_string(blocks) + "; " + shell(kSweep)).c_str());
    EXPECT_EQ(WEXITSTATUS(status), 74) << err();
    stopped += err().find("[write-failed]") != std::string::npos ? 1 : 0;
    EXPECT_EQ(timeless_points(), expected) << blocks;
  }
  EXPECT_EQ(stopped, 5);
}

TEST_F(Sweeps, CtrlCSavesWhatIsFinishedAndSaysHowToGoOn) {
  const std::string slow =
      " sweep quickstart -p router.top_k=1..4 --budget 30 --set workload.tokens=64 --set workload.steps=1 "
      "--set "
      "layer.d_ff=32 --set baselines=none";
  int status = 0;
  for (const char* seconds : {"2", "8", "25"}) {  // a slow build needs a while to get going
    status = WEXITSTATUS(std::system(
        ("timeout --preserve-status -s INT " + std::string(seconds) + " env " + shell(slow)).c_str()));
    if (status == 75) {
      break;
    }
  }
  EXPECT_EQ(status, 75) << err();
  EXPECT_NE(err().find("The same command goes on from here"), std::string::npos) << err();
}

TEST_F(Sweeps, ASecondWriterIsRefused) {
  ASSERT_EQ(run(kSweep), 0) << err();
  const int lock = ::open((run_folder() + "/lock").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(::flock(lock, LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(run(kSweep), 75);
  EXPECT_NE(err().find("is writing there"), std::string::npos) << err();
  ::close(lock);
  EXPECT_EQ(run(kSweep), 0) << err();
}

TEST_F(Sweeps, TextWithLineBreaksStaysInItsCell) {
  ASSERT_EQ(run(kSweep + "--set 'name=\"two\\nlines\"'"), 0) << err();
  ASSERT_EQ(run(" export " + run_folder() + " --csv"), 0);
  const std::string table = read(run_folder() + "/results.csv");
  std::size_t cells = 0;
  std::size_t rows = 0;
  std::size_t expected = 0;
  bool quoted = false;
  for (const char c : table) {
    quoted = c == '"' ? !quoted : quoted;
    cells += !quoted && c == ',' ? 1 : 0;
    if (!quoted && c == '\n') {
      expected = rows == 0 ? cells : expected;
      EXPECT_EQ(cells, expected) << "row " << rows;
      cells = 0;
      ++rows;
    }
  }
  EXPECT_EQ(rows, 5u);
}

TEST_F(Sweeps, RunsOfTheSameSecondAreTwoRuns) {
  const std::string quick =
      " run quickstart --budget 0 --set workload.tokens=16 --set workload.steps=1 --set layer.d_ff=16";
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(run(quick), 0);
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.file("runs")), fs::directory_iterator()), 4);
}

}  // namespace
}  // namespace moesim
