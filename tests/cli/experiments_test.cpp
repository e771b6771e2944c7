// Every study of experiments/ keeps its claims: expected.json lists settings, a metric and its range. A claim
// that names a controller is about its row of `moesim balance`; one with `route` about what `moesim route`
// with these options prints in the study's folder, at a JSON pointer (a number, or what it `equals`); one
// with `models` about what `moesim models` prints of that model; with `trace` about what `moesim trace` says
// of a public recording, mean over the rows that have the values of `of`; every other one about `moesim run`.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/temp_folder.h"

namespace moesim {
namespace {

nlohmann::json output_of(const std::string& line, const nlohmann::json& settings) {
  const TempFolder folder;
  std::string command = std::string(MOESIM_BINARY) + " " + line + " -o json";
  for (const std::string setting : settings) {
    command += " --set '" + setting + "'";
  }
  const int status = std::system((command + " >" + folder.file("out") + " 2>" + folder.file("err")).c_str());
  std::ifstream err(folder.file("err"));
  EXPECT_EQ(WEXITSTATUS(status), 0) << command << "\n"
                                    << std::string((std::istreambuf_iterator<char>(err)), {});
  std::ifstream out(folder.file("out"));
  return nlohmann::json::parse(out, nullptr, false);
}

// Only claims about dense layers need experts that run.
std::string line_for(const nlohmann::json& claim, const std::string& config) {
  if (claim.contains("controller")) {
    return "balance " + config;
  }
  const bool execute = claim.at("metric").get<std::string>().find("dense") != std::string::npos;
  return "run " + config + " --no-store --as-sweep-point --budget 0 --set measure.min_samples=1" +
         (execute ? "" : " --set execute=false");
}

// The claim's own row: of its controller, or the only one.
nlohmann::json row_of(const nlohmann::json& claim, const nlohmann::json& output) {
  if (!claim.contains("controller")) {
    return output;
  }
  for (const nlohmann::json& row : output) {
    if (row.at("controller") == claim.at("controller")) {
      return row;
    }
  }
  return nlohmann::json::object();
}

nlohmann::json routed(const std::string& folder, const std::string& options) {
  const TempFolder out;
  const std::string command =
      "cd " + folder + " && " + MOESIM_BINARY + " route " + options + " -o json >" + out.file("out");
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  std::ifstream file(out.file("out"));
  return nlohmann::json::parse(file, nullptr, false);
}

// A number within a range, or a word.
void expect_holds(const nlohmann::json& claim, const nlohmann::json& result) {
  const nlohmann::json::json_pointer at(claim.at("pointer").get<std::string>());
  ASSERT_TRUE(result.contains(at)) << claim;
  if (claim.contains("equals")) {
    EXPECT_EQ(result[at], claim.at("equals")) << claim;
    return;
  }
  EXPECT_GE(result[at].get<double>(), claim.at("low").get<double>()) << claim;
  EXPECT_LE(result[at].get<double>(), claim.at("high").get<double>()) << claim;
}

TEST(Experiments, KeepTheirClaims) {
  int claims = 0;
  for (const auto& study :
       std::filesystem::directory_iterator(std::string(MOESIM_SOURCE_DIR) + "/experiments")) {
    if (!study.is_directory()) {
      continue;  // the script that draws their figures
    }
    EXPECT_TRUE(std::filesystem::exists(study.path() / "README.md")) << study.path();
    std::ifstream file(study.path() / "expected.json");
    ASSERT_TRUE(file) << study.path();
    const nlohmann::json expected = nlohmann::json::parse(file);
    std::map<std::string, nlohmann::json> results;
    for (const nlohmann::json& claim : expected.at("claims")) {
      if (claim.contains("trace")) {
        continue;  // below
      }
      ++claims;
      if (claim.contains("route")) {
        const std::string options = claim.at("route");
        if (results.count(options) == 0) {
          results[options] = routed(study.path().string(), options);
        }
        expect_holds(claim, results[options]);
        continue;
      }
      if (claim.contains("models")) {
        const std::string line = "models " + claim.at("models").get<std::string>();
        if (results.count(line) == 0) {
          results[line] = output_of(line, nlohmann::json::array()).at(0);
        }
        expect_holds(claim, results[line]);
        continue;
      }
      const std::string config = claim.value("config", "config.yaml");
      const std::string line = line_for(claim, (study.path() / config).string());
      const std::string what = line + " " + claim.at("set").dump();
      if (results.count(what) == 0) {
        results[what] = output_of(line, claim.at("set"));
      }
      const nlohmann::json result = row_of(claim, results[what]);
      const std::string metric = claim.at("metric");
      ASSERT_TRUE(result.contains(metric)) << what << " " << metric;
      EXPECT_GE(result[metric].get<double>(), claim.at("low").get<double>())
          << what << " " << claim.value("controller", "") << " " << metric;
      EXPECT_LE(result[metric].get<double>(), claim.at("high").get<double>())
          << what << " " << claim.value("controller", "") << " " << metric;
    }
  }
  EXPECT_GE(claims, 50);
}

bool has_values(const nlohmann::json& row, const nlohmann::json& values) {
  for (const auto& [name, value] : values.items()) {
    if (!row.contains(name) || row[name] != value) {
      return false;
    }
  }
  return true;
}

// MOESIM_DATA names the folder of the recordings.
TEST(Experiments, KeepTheirClaimsAboutRecordings) {
  if (std::getenv("MOESIM_DATA") == nullptr) {
    GTEST_SKIP() << "skipped: data not present (MOESIM_DATA is not set)";
  }
  const TempFolder folder;
  std::map<std::string, nlohmann::json> results;
  int claims = 0;
  for (const auto& study :
       std::filesystem::directory_iterator(std::string(MOESIM_SOURCE_DIR) + "/experiments")) {
    std::ifstream file(study.path() / "expected.json");
    const nlohmann::json expected = file ? nlohmann::json::parse(file) : nlohmann::json::object();
    for (const nlohmann::json& claim : expected.value("claims", nlohmann::json::array())) {
      if (!claim.contains("trace")) {
        continue;
      }
      ++claims;
      const std::string options = claim.at("trace");
      if (results.count(options) == 0) {
        const std::string command =
            std::string(MOESIM_BINARY) + " trace " + options + " -o json >" + folder.file("out");
        ASSERT_EQ(std::system(command.c_str()), 0) << command;
        std::ifstream out(folder.file("out"));
        results[options] = nlohmann::json::parse(out, nullptr, false);
      }
      double sum = 0;
      int rows = 0;
      for (const nlohmann::json& row : results[options]) {
        if (has_values(row, claim.at("of"))) {
          sum += row.at(claim.at("metric").get<std::string>()).get<double>();
          ++rows;
        }
      }
      ASSERT_GT(rows, 0) << claim;
      EXPECT_GE(sum / rows, claim.at("low").get<double>()) << claim;
      EXPECT_LE(sum / rows, claim.at("high").get<double>()) << claim;
    }
  }
  EXPECT_GE(claims, 20);
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

// `experiments/figures` knows the studies that have a figure, their READMEs show it and say how it is
// redrawn.
TEST(Experiments, ShowTheirFigures) {
  const std::string root = MOESIM_SOURCE_DIR;
  const std::string script = text_of(root + "/experiments/figures");
  int figures = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root + "/experiments")) {
    if (!entry.is_directory()) {
      continue;
    }
    const std::string name = entry.path().filename().string();
    const std::string figure = text_of(entry.path() / "figure.svg");
    const std::string readme = text_of(entry.path() / "README.md");
    const bool has_one = !figure.empty();
    figures += has_one ? 1 : 0;
    EXPECT_LT(figure.size(), 150000u) << name;
    EXPECT_EQ(readme.find("](figure.svg)") != std::string::npos, has_one) << name;
    EXPECT_EQ(readme.find("`experiments/figures " + name + "` redraws it.") != std::string::npos, has_one)
        << name;
    EXPECT_EQ(script.find("\n    " + name + ")\n") != std::string::npos, has_one) << name;
  }
  EXPECT_GE(figures, 10);
}

// Every picture of docs/pictures is shown by README.md, redrawn by the script beside it, and small.
TEST(Experiments, PicturesAreShownAndRedrawn) {
  const std::filesystem::path root = MOESIM_SOURCE_DIR;
  const std::string readme = text_of(root / "README.md");
  const std::string script = text_of(root / "docs/pictures/redraw");
  std::string copied;  // the line that puts them there
  for (std::size_t at = 0; copied.empty() && at < script.size(); at = script.find('\n', at) + 1) {
    const std::string line = script.substr(at, script.find('\n', at) - at);
    copied = line.rfind("cp ", 0) == 0 ? line : "";
  }
  int pictures = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root / "docs/pictures")) {
    const std::string name = entry.path().filename().string();
    if (name == "redraw") {
      continue;
    }
    ++pictures;
    EXPECT_LT(entry.file_size(), entry.path().extension() == ".png" ? 200000u : 150000u) << name;
    EXPECT_NE(readme.find("](docs/pictures/" + name + ")"), std::string::npos) << name;
    EXPECT_NE(copied.find("/" + name + "\""), std::string::npos) << name << " in " << copied;
  }
  EXPECT_GE(pictures, 4);
}

TEST(Experiments, FiguresAreRedrawn) {
  const std::string figures =
      std::string("MOESIM=") + MOESIM_BINARY + " " + MOESIM_SOURCE_DIR + "/experiments/figures";
  const TempFolder folder;
  const std::string log = " >" + folder.file("out") + " 2>" + folder.file("err");
  EXPECT_EQ(WEXITSTATUS(std::system((figures + " nonsense" + log).c_str())), 64);
  const int status =
      std::system((figures + " --to " + folder.path() + " batch_size_and_distinct_experts" + log).c_str());
  std::ifstream err(folder.file("err"));
  const std::string problem((std::istreambuf_iterator<char>(err)), {});
  if (problem.find("[no-report]") != std::string::npos || problem.find("[no-figures]") != std::string::npos) {
    GTEST_SKIP() << "this build draws nothing";
  }
  EXPECT_EQ(WEXITSTATUS(status), 0) << problem;
  std::ifstream file(folder.file("batch_size_and_distinct_experts.svg"));
  const std::string svg((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(svg.rfind("<svg", 0), 0u);
  EXPECT_NE(svg.find("distinct experts"), std::string::npos) << "the view that shows its finding";
  EXPECT_NE(svg.find("kind=token_choice"), std::string::npos);
}

}  // namespace
}  // namespace moesim
