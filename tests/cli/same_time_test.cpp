// The baselines dense_same_flops and dense_same_time as a user asks for them.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/temp_folder.h"

namespace moesim {
namespace {

class SameTime : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(folder_.file("a.yaml"))
        << "seed: 1\nlayer: {d_model: 64, d_ff: 32, num_experts: 4, num_shared_experts: 1}\n"
           "workload: {kind: zipf_topics, tokens: 32, steps: 2}\nrouter: {kind: token_choice, top_k: 2}\n";
  }
  int run(const std::string& baselines) {
    const std::string command = std::string(MOESIM_BINARY) + " run " + folder_.file("a.yaml") +
                                " --no-store --budget 2 --set 'baselines=" + baselines + "' -o json >" +
                                folder_.file("out") + " 2>" + folder_.file("err");
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  nlohmann::json row() const {
    std::ifstream file(folder_.file("out"));
    return nlohmann::json::parse(file);
  }
  TempFolder folder_;
};

TEST_F(SameTime, BothBaselinesAreMeasuredAndLeaveTheRestAsItWas) {
  ASSERT_EQ(run("[dense_same_active]"), 0);
  const nlohmann::json plain = row();
  ASSERT_EQ(run("[dense_same_flops, dense_same_time]"), 0);
  const nlohmann::json both = row();
  EXPECT_EQ(plain["m.routing_hash"], both["m.routing_hash"]);
  EXPECT_EQ(plain["m.output_hash"], both["m.output_hash"]);
  // The gate's 64·4 multiplications and one shared expert of 32: (2 + 1)·32 units and 4/3 of one.
  EXPECT_EQ(both["m.dense_same_flops.width"], 97);
  EXPECT_GT(both["m.dense_same_flops.tokens_per_s"].get<double>(), 0);
  EXPECT_GE(both["m.dense_same_time.width"].get<int>(), 1);
  EXPECT_GE(both["m.dense_same_time.width_trials"].get<int>(), 1);
  EXPECT_LE(both["m.dense_same_time.width"].get<int>(), both["m.dense_same_time.widest"].get<int>());
  EXPECT_TRUE(both["m.dense_same_time.match"].is_string());
}

TEST_F(SameTime, AnUnknownBaselineListsThoseThereAre) {
  EXPECT_EQ(run("[dense_same_tiem]"), 78);
  std::ifstream file(folder_.file("err"));
  const std::string err((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_NE(err.find("dense_same_time"), std::string::npos) << err;
  EXPECT_NE(err.find("dense_same_flops"), std::string::npos) << err;
}

}  // namespace
}  // namespace moesim
