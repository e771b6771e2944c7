// What a run says beforehand that it needs is not less than what it takes, whatever the router.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/build_info.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

TEST(Memory, NoRouterTakesMoreThanForeseen) {
  if (!build_info().sanitizers.empty()) {
    GTEST_SKIP() << "sanitizers keep memory of their own";
  }
  const TempFolder folder;
  folder.write("m.yaml",
               "name: memory\nlayer: {num_experts: 256, d_model: 16, d_ff: 1}\nexecute: false\n"
               "workload: {kind: gaussian_clusters, tokens: 16384, steps: 1}\nrouter: {preset: mixtral}\n"
               "measure: {budget_s: 0, min_samples: 1}\n");
  for (const char* router :
       {"{preset: mixtral}", "{kind: token_choice, select: threshold, threshold: 0.0}",
        "{kind: token_choice, select: top_p, top_p: 1}", "{preset: remoe}", "{preset: dynmoe}",
        "{kind: expert_choice}", "{kind: qb_dynamic}", "{kind: sinkhorn, stop: gpt_neox}",
        "{kind: sinkhorn, stop: megatron}", "{kind: expert_threshold}", "{kind: hash}", "{kind: random}",
        "{preset: deepseek_v3}", "{kind: zipf}", "{preset: gshard}"}) {
    const std::string command = std::string(MOESIM_BINARY) + " run " + folder.file("m.yaml") +
                                " --no-store -o json --set 'router=" + router + "' >" + folder.file("out") +
                                " 2>" + folder.file("err");
    ASSERT_EQ(std::system(command.c_str()), 0) << router;
    std::ifstream out(folder.file("out"));
    const nlohmann::json json = nlohmann::json::parse(out);
    EXPECT_LE(json["m.peak_rss_bytes"].get<double>(), json["m.estimated_bytes"].get<double>()) << router;
  }
}

// Streams are the largest runs there are: what is said of them is near, too.
TEST(Memory, NoStreamTakesMoreThanForeseenOrMuchLess) {
  if (!build_info().sanitizers.empty()) {
    GTEST_SKIP() << "sanitizers keep memory of their own";
  }
  const TempFolder folder;
  folder.write("s.yaml",
               "name: stream\nlayer: {num_experts: 64, d_model: 16, d_ff: 1}\nexecute: false\n"
               "workload: {kind: synthetic_logits, tokens: 65536, steps: 6}\nrouter: {preset: mixtral}\n"
               "measure: {budget_s: 0, min_samples: 1}\n");
  constexpr double kNear = 1.35;
  const std::pair<const char*, double> streams[] = {
      {"workload.tokens=16", 2},
      {"router.top_k=8", kNear},
      {"executor.threads=4", kNear},
      {"layer.num_experts=8 workload.tokens=524288", kNear},
      {"layer.num_experts=8 workload.tokens=524288 workload.steps=1", kNear},
      {"layer.num_experts=256 workload.tokens=16384 'router={preset: deepseek_v3}'", kNear},
      {"'capacity={factor: 1}'", kNear},
      {"workload.tokens=32768 'router={kind: token_choice, select: threshold, threshold: 0.0}'", 1.6},
      {"workload.tokens=32768 'router={kind: expert_choice}'", 4},
      {"workload.tokens=32768 'router={kind: sinkhorn, stop: megatron}'", 4}};
  for (const auto& [settings, most] : streams) {
    std::string set;
    bool quoted = false;
    bool fresh = true;
    for (const char* c = settings; *c != 0; ++c) {
      set += fresh ? " --set " : "";
      fresh = !quoted && *c == ' ';
      quoted = quoted != (*c == '\'');
      set += *c;
    }
    const std::string command = std::string(MOESIM_BINARY) + " run " + folder.file("s.yaml") +
                                " --no-store -o json" + set + " >" + folder.file("out") + " 2>" +
                                folder.file("err");
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
    std::ifstream out(folder.file("out"));
    const nlohmann::json json = nlohmann::json::parse(out);
    const double used = json["m.peak_rss_bytes"].get<double>();
    EXPECT_LE(used, json["m.estimated_bytes"].get<double>()) << settings;
    EXPECT_LE(json["m.estimated_bytes"].get<double>(), most * used) << settings;
  }
}

}  // namespace
}  // namespace moesim
