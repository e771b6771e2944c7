// Every study of experiments/ keeps its claims: expected.json lists settings, a metric and its range.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/temp_folder.h"

namespace moesim {
namespace {

// Only claims about dense layers need experts that run.
nlohmann::json run_json(const std::string& config, const nlohmann::json& settings, bool execute) {
  const TempFolder folder;
  std::string command = std::string(MOESIM_BINARY) + " run " + config +
                        " -o json --no-store --as-sweep-point --budget 0 --set measure.min_samples=1";
  command += execute ? "" : " --set execute=false";
  for (const std::string setting : settings) {
    command += " --set " + setting;
  }
  const int status = std::system((command + " >" + folder.file("out") + " 2>" + folder.file("err")).c_str());
  std::ifstream err(folder.file("err"));
  EXPECT_EQ(WEXITSTATUS(status), 0) << command << "\n"
                                    << std::string((std::istreambuf_iterator<char>(err)), {});
  std::ifstream out(folder.file("out"));
  return nlohmann::json::parse(out, nullptr, false);
}

TEST(Experiments, KeepTheirClaims) {
  int claims = 0;
  for (const auto& study :
       std::filesystem::directory_iterator(std::string(MOESIM_SOURCE_DIR) + "/experiments")) {
    EXPECT_TRUE(std::filesystem::exists(study.path() / "README.md")) << study.path();
    std::ifstream file(study.path() / "expected.json");
    ASSERT_TRUE(file) << study.path();
    const nlohmann::json expected = nlohmann::json::parse(file);
    std::map<std::string, nlohmann::json> results;
    for (const nlohmann::json& claim : expected.at("claims")) {
      const std::string config = claim.value("config", "config.yaml");
      const bool execute = claim.at("metric").get<std::string>().find("dense") != std::string::npos;
      const std::string settings = config + (execute ? " " : " routing only ") + claim.at("set").dump();
      if (results.count(settings) == 0) {
        results[settings] = run_json((study.path() / config).string(), claim.at("set"), execute);
      }
      const nlohmann::json& result = results[settings];
      const std::string metric = claim.at("metric");
      ASSERT_TRUE(result.contains(metric)) << study.path() << " " << metric;
      EXPECT_GE(result[metric].get<double>(), claim.at("low").get<double>())
          << study.path() << " " << settings << metric;
      EXPECT_LE(result[metric].get<double>(), claim.at("high").get<double>())
          << study.path() << " " << settings << metric;
      ++claims;
    }
  }
  EXPECT_GE(claims, 30);
}

}  // namespace
}  // namespace moesim
