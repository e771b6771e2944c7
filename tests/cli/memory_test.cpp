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

}  // namespace
}  // namespace moesim
