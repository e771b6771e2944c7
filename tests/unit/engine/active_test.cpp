// What a token is said to use, and the dense layer it is compared with, where no k says it.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/estimate.h"
#include "engine/run.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

RunRecord record_of(const std::string& router) {
  const TempFolder folder;
  const std::string path = folder.write("c.yaml",
                                        "name: active\nlayer: {d_model: 16, d_ff: 64, num_experts: 8}\n"
                                        "workload: {kind: gaussian_clusters, tokens: 256, steps: 2}\n"
                                        "measure: {budget_s: 0, min_samples: 1}\nrouter: " +
                                            router + "\n");
  return run_experiment(load_experiment(path, {}), {});
}

Index width_of_same_active(const RunRecord& record) {
  for (const VariantResult& variant : record.variants) {
    if (variant.name == "dense_same_active") {
      return variant.width;
    }
  }
  return 0;
}

TEST(Active, IsWhatWasChosenWhereARouterChoosesAnyNumber) {
  for (const char* router : {"{preset: top_p}", "{preset: remoe}", "{preset: dynmoe}"}) {
    const RunRecord record = record_of(router);
    const double chosen = 3.0 * 16 * 64 * record.mean_kept_experts;
    EXPECT_NEAR(record.nominal.active_params, chosen + 16 * 8, 200) << router;  // and the gate
    EXPECT_EQ(record.nominal.active_params, record.realised.active_params) << router;
    EXPECT_EQ(width_of_same_active(record), 64 * std::lround(record.mean_kept_experts)) << router;
  }
  const RunRecord fixed = record_of("{preset: mixtral, top_k: 2}");
  EXPECT_EQ(fixed.nominal.active_params, 2 * 3.0 * 16 * 64 + 16 * 8);
}

// 8 slots for 256 tokens: a token costs a thirty-second of an expert.
TEST(Active, OfASoftRouterIsAFractionOfAnExpert) {
  const RunRecord record = record_of("{kind: soft, slots_per_expert: 1}");
  EXPECT_EQ(width_of_same_active(record), 2);
}

}  // namespace
}  // namespace moesim
