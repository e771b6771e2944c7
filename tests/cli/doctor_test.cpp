// moesim doctor: what it says, where limits are kept, and that no damaged file is believed.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/temp_folder.h"

namespace moesim {
namespace {

using Json = nlohmann::json;

class Doctor : public testing::Test {
 protected:
  int run(const std::string& line, const std::string& environment = "") {
    const std::string command =
        "env -u HOME " + (environment.empty() ? "XDG_CACHE_HOME=" + folder_.file("cache") : environment) +
        " MOESIM_RUNS_DIR=" + folder_.file("runs") + " " + MOESIM_BINARY + " " + line + " >" +
        folder_.file("out") + " 2>" + folder_.file("err");
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string text(const std::string& name) const {
    std::ifstream file(folder_.file(name), std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  }
  Json json() const { return Json::parse(text("out")); }
  // The tests run on machines and builds that may be fit or not.
  static bool fit_or_not(int status) { return status == 0 || status == 1; }

  TempFolder folder_;
};

constexpr const char* kChecks[] = {"build",    "instructions", "cores",  "affinity", "quota",     "smt",
                                   "governor", "steal",        "others", "memory",   "huge_pages"};

TEST_F(Doctor, InterruptedItEndsLikeOtherCommandsAndKeepsNothing) {
  int status = 0;
  for (const char* seconds : {"1", "3", "8"}) {  // a slow build needs a while to get going
    const std::string command = "timeout --preserve-status -s INT " + std::string(seconds) +
                                " env -u HOME XDG_CACHE_HOME=" + folder_.file("cache") + " " + MOESIM_BINARY +
                                " doctor --roofline --fresh >" + folder_.file("out") + " 2>" +
                                folder_.file("err");
    status = std::system(command.c_str());
    ASSERT_TRUE(WIFEXITED(status)) << "ended by the signal itself";
    if (text("err").find("stopped while") != std::string::npos) {
      break;
    }
  }
  EXPECT_EQ(WEXITSTATUS(status), 130) << text("err");
  EXPECT_NE(text("err").find("stopped while"), std::string::npos) << text("err");
  EXPECT_EQ(text("out"), "");
  EXPECT_FALSE(std::filesystem::exists(folder_.file("cache"))) << "half-measured limits were kept";
}

TEST_F(Doctor, SaysOfEverythingWhatItFoundAndEndsWithAVerdict) {
  const int status = run("doctor");
  ASSERT_TRUE(fit_or_not(status)) << text("err");
  const std::string out = text("out");
  for (const char* check : kChecks) {
    EXPECT_NE(out.find(check), std::string::npos) << check;
  }
  EXPECT_EQ(out.find("verdict  not fit") != std::string::npos, status == 1) << out;
  EXPECT_NE(out.find("\nverdict  "), std::string::npos);
  EXPECT_EQ(out.find("LIMITS"), std::string::npos);
}

TEST_F(Doctor, TheRowHasEveryCheck) {
  const int status = run("doctor -o json");
  ASSERT_TRUE(fit_or_not(status)) << text("err");
  const Json row = json();
  EXPECT_EQ(row["schema"], "moesim.doctor/1");
  EXPECT_EQ(row["verdict"] == "not fit", status == 1);
  for (const char* check : kChecks) {
    const std::string name = std::string("check.") + check;
    const std::string found = row.value(name, "");
    EXPECT_TRUE(found == "ok" || found == "unknown" || found == "remark" || found == "unfit") << name;
    EXPECT_FALSE(row[name + ".text"].get<std::string>().empty());
    EXPECT_EQ(row[name + ".advice"].is_null(), found == "ok" || found == "unknown") << name;
  }
  for (const char* name : {"threads", "effective_cores", "quota_cores", "governor", "steal", "others_cores",
                           "load_average", "memory_bytes", "processor", "build.type", "huge_pages"}) {
    EXPECT_TRUE(row.contains(name)) << name;
  }
  EXPECT_FALSE(row.contains("limits.origin"));
}

TEST_F(Doctor, LimitsAreMeasuredOnceKeptAndNotBelievedWhenDamaged) {
  ASSERT_TRUE(fit_or_not(run("doctor --roofline -o json"))) << text("err");
  EXPECT_EQ(text("err"), "");
  const Json first = json();
  EXPECT_EQ(first["limits.schema"], "moesim.limits/1");
  for (const char* name : {"limits.flops.one", "limits.flops.all.lo", "limits.scaling", "limits.read.0.level",
                           "limits.read.0.all", "limits.layout.0.product.1", "limits.layout.3.sharpness",
                           "limits.gate.8", "limits.join_seconds"}) {
    EXPECT_TRUE(first.contains(name) && first[name].is_number()) << name;
  }
  const std::string path = folder_.file("cache/moesim/limits.json");
  ASSERT_TRUE(std::filesystem::exists(path));
  ASSERT_TRUE(fit_or_not(run("doctor --roofline")));
  EXPECT_NE(text("out").find("kept in"), std::string::npos) << text("out");
  EXPECT_NE(text("out").find("LIMITS"), std::string::npos);
  ASSERT_TRUE(fit_or_not(run("doctor --roofline -o json")));
  for (const auto& [name, value] : first.items()) {
    if (name.rfind("limits.", 0) == 0 && name != "limits.origin") {
      EXPECT_EQ(json()[name], value) << name << " comes from the file";
    }
  }
  std::ofstream(path) << "{\"schema\": \"moesim.limits/1\", \"threads\": 1e999}";
  ASSERT_TRUE(fit_or_not(run("doctor --roofline -o json")));
  EXPECT_NE(text("err").find("measured anew"), std::string::npos) << text("err");
  EXPECT_NE(text("err").find(path), std::string::npos);
  EXPECT_TRUE(json().contains("limits.flops.all"));
}

TEST_F(Doctor, LimitsThatCannotBeKeptArePrintedAllTheSame) {
  const std::string file = folder_.write("file", "x");
  ASSERT_TRUE(fit_or_not(run("doctor --roofline -o json", "XDG_CACHE_HOME=" + file)));
  EXPECT_NE(text("err").find("warning: the limits were not kept"), std::string::npos) << text("err");
  EXPECT_TRUE(json().contains("limits.flops.all"));
}

TEST_F(Doctor, RefusesWhatHasNoEffect) {
  EXPECT_EQ(run("doctor --fresh"), 64);
  EXPECT_NE(text("err").find("--roofline"), std::string::npos);
  EXPECT_EQ(run("doctor -j 0"), 64);
  // More threads than cores reach no limit; what is kept of as many stays.
  EXPECT_EQ(run("doctor --roofline -j 1024"), 64);
  EXPECT_NE(text("err").find("--threads: error: got '1024'; expected at most "), std::string::npos)
      << text("err");
  EXPECT_FALSE(std::filesystem::exists(folder_.file("cache/moesim/limits.json")));
  EXPECT_EQ(run("doctor -o xml"), 64);
}

TEST_F(Doctor, ARunRecordsWhatItsStagesReached) {
  ASSERT_TRUE(fit_or_not(run("doctor --roofline -j 1 -o json"))) << text("err");
  const std::string verdict = json()["verdict"];
  EXPECT_EQ(json()["limits.fitness"], verdict);
  ASSERT_EQ(
      run("run quickstart -j 1 -o json --no-store --budget 0 --set workload.tokens=64 --set workload.steps=2 "
          "--set measure.min_samples=2"),
      0)
      << text("err");
  const Json row = json();
  for (const char* stage : {"gate", "dispatch", "experts", "combine", "norm"}) {
    const std::string name = stage;
    ASSERT_TRUE(row.contains("m.limit_fraction." + name)) << name;
    EXPECT_GT(row["m.limit_fraction." + name].get<double>(), 0) << name;
    EXPECT_TRUE(row["m.limit_bound." + name] == "bytes" || row["m.limit_bound." + name] == "arithmetic");
    EXPECT_GT(row["m.predicted_seconds." + name].get<double>(), 0) << name;
  }
  EXPECT_FALSE(row.contains("m.limit_fraction.route")) << "sorting has no modelled limit";
  EXPECT_FALSE(row.contains("m.predicted_seconds.plan"));
  EXPECT_GT(row["m.dense_same_active.limit_fraction"].get<double>(), 0);
  EXPECT_GT(row["m.dense_same_active.predicted_seconds"].get<double>(), 0);
  EXPECT_GT(row["measure.limits.flops"].get<double>(), 0);
  EXPECT_GT(row["measure.limits.weights_read"].get<double>(), 0);
  const std::string shares = row["measure.limits.shares"];
  EXPECT_EQ(shares.rfind("kept by moesim doctor --roofline", 0), 0u) << shares;
  EXPECT_EQ(shares.find("measured when this machine was not fit to") != std::string::npos,
            verdict == "not fit")
      << shares;
}

// The limits are those of floats. What multiplies narrower numbers is not bound by them.
TEST_F(Doctor, ARunOfNarrowActivationsNamesItsProductsAndNoLimitOfFloats) {
  const std::string narrow =
      " --no-store --budget 0 --set workload.tokens=64 --set workload.steps=2 --set measure.min_samples=2 "
      "--set executor.instructions=portable --set executor.weights=int8 --set executor.activations=";
  ASSERT_EQ(run("run quickstart -o json" + narrow + "int8"), 0) << text("err");
  const Json row = json();
  EXPECT_EQ(row["executor.layout"], "tiled/portable/int8/int8-plain");
  for (const char* stage : {"dispatch", "experts"}) {
    EXPECT_FALSE(row.contains(std::string("m.limit_fraction.") + stage)) << stage;
    EXPECT_FALSE(row.contains(std::string("m.predicted_seconds.") + stage)) << stage;
  }
  EXPECT_FALSE(row.contains("m.dense_same_active.limit_fraction"));
  EXPECT_GT(row["m.limit_fraction.gate"].get<double>(), 0) << "the gate multiplies floats";
  ASSERT_EQ(run("run quickstart" + narrow + "int8"), 0) << text("err");
  EXPECT_NE(text("out").find("\nexperts  tiled/portable/int8/int8-plain, for activations: int8\n"),
            std::string::npos)
      << text("out");
  ASSERT_EQ(run("run quickstart" + narrow + "float32"), 0) << text("err");
  EXPECT_EQ(text("out").find("\nexperts  "), std::string::npos);
}

TEST_F(Doctor, ARunWithoutKeptLimitsPredictsNothingItCannotKnow) {
  ASSERT_EQ(
      run("run quickstart -o json --no-store --budget 0 --set workload.tokens=64 --set workload.steps=2 "
          "--set measure.min_samples=1"),
      0)
      << text("err");
  const Json row = json();
  EXPECT_TRUE(row.contains("m.limit_fraction.experts"));
  EXPECT_FALSE(row.contains("m.predicted_seconds.experts"));
  EXPECT_TRUE(row["measure.limits.shares"].is_null());
}

}  // namespace
}  // namespace moesim
