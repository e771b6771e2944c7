// moesim route through the command line: arrays in, arrays out.
#include "cli/route_fixture.h"

namespace moesim {
namespace {

TEST_F(Route, WritesWhatNumpyReads) {
  write_floats("l.npy", {kToken, kToken});
  ASSERT_EQ(run("--preset mixtral --logits l.npy --out o"), 0) << read("err");
  EXPECT_EQ(table<std::int32_t>("o/expert.npy").header,
            "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 2), }");
  EXPECT_EQ(table<float>("o/weight.npy").header,
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }");
  EXPECT_EQ(table<char>("o/kept.npy").header, "{'descr': '|b1', 'fortran_order': False, 'shape': (2, 2), }");
  EXPECT_EQ(experts("o"), (std::vector<std::int32_t>{0, 4, 0, 4}));
  EXPECT_NEAR(weights("o")[0], 0.622459, 6e-7);
  EXPECT_NEAR(weights("o")[1], 0.377541, 6e-7);
  EXPECT_EQ(kept("o"), (std::vector<std::uint8_t>{1, 1, 1, 1}));
  EXPECT_EQ(summary("o")["routed_per_expert"], (std::vector<int>{2, 0, 0, 0, 2, 0, 0, 0}));
  EXPECT_EQ(summary("o")["capacity"], nullptr);
}

// numpy.save of int32 [[0]] and bool [[True]]: magic, version 1.0, header length, dictionary, spaces to 128
// bytes.
TEST_F(Route, WritesTheBytesThatNumpyWrites) {
  write_floats("l.npy", {{3, 1, 2}});
  ASSERT_EQ(run("--preset megablocks --logits l.npy --out o"), 0) << read("err");
  const auto file = [](std::string header, const std::string& payload) {
    header.resize(117, ' ');
    return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + "\n" + payload;
  };
  EXPECT_EQ(read("o/expert.npy"), file("{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1), }",
                                       std::string("\x00\x00\x00\x00", 4)));
  EXPECT_EQ(read("o/kept.npy"), file("{'descr': '|b1', 'fortran_order': False, 'shape': (1, 1), }", "\x01"));
}

TEST_F(Route, AGivenBiasReplacesTheConfigs) {
  std::ofstream(folder_.file("c.yaml"))
      << "layer: {num_experts: 4}\n"
         "router: {kind: token_choice, top_k: 1, expert_bias: [9, 0, 0, 0]}\n";
  write_floats("l.npy", {{0, 1, 2, 3}});
  write_floats("zero.npy", {{0, 0, 0, 0}});
  write_floats("b.npy", {{0, 9, 0, 0}});
  ASSERT_EQ(run("c.yaml --logits l.npy --out a"), 0) << read("err");
  EXPECT_EQ(experts("a"), std::vector<std::int32_t>{0});
  ASSERT_EQ(run("c.yaml --logits l.npy --bias zero.npy --out b"), 0) << read("err");
  EXPECT_EQ(experts("b"), std::vector<std::int32_t>{3});
  ASSERT_EQ(run("c.yaml --logits l.npy --bias b.npy --out c"), 0) << read("err");
  EXPECT_EQ(experts("c"), std::vector<std::int32_t>{1});
}

TEST_F(Route, RowsAreInSelectionOrderAndTheBiasOnlyChooses) {
  write_floats("l.npy", {kToken});
  write_floats("b.npy", {kBias});
  ASSERT_EQ(run("--preset deepseek_v3 --set router.num_expert_groups=1 "
                "--set router.top_k=2 --logits l.npy --bias b.npy --out o"),
            0)
      << read("err");
  EXPECT_EQ(experts("o"), (std::vector<std::int32_t>{6, 1}));
  EXPECT_NEAR(weights("o")[0], 1.015386, 6e-7);
  EXPECT_NEAR(weights("o")[1], 1.484614, 6e-7);
}

TEST_F(Route, UnusedPlacesAreMinusOneAndZero) {
  write_floats("l.npy", {kToken, {-1, -1, -1, -1, -1, -1, -1, -1}});
  ASSERT_EQ(run("--preset remoe --logits l.npy --out o"), 0) << read("err");
  EXPECT_EQ(experts("o"), (std::vector<std::int32_t>{0, 4, 1, 2, -1, -1, -1, -1}));
  EXPECT_EQ(weights("o"), (std::vector<float>{2, 1.5, 1, 0.5, 0, 0, 0, 0}));
  EXPECT_EQ(kept("o"), (std::vector<std::uint8_t>{1, 1, 1, 1, 0, 0, 0, 0}));
  EXPECT_EQ(summary("o")["metrics"]["tokens_without_expert"], 1);
}

TEST_F(Route, WhatIsDroppedKeepsItsExpertAndLosesItsWeight) {
  write_floats("l.npy", Rows(8, {1, 0}));
  ASSERT_EQ(run("--preset switch --set capacity.factor=1.25 --set capacity.min=1 --logits l.npy --out o"), 0)
      << read("err");
  EXPECT_EQ(summary("o")["capacity"], 5);
  EXPECT_EQ(experts("o"), std::vector<std::int32_t>(8, 0));
  EXPECT_EQ(kept("o"), (std::vector<std::uint8_t>{1, 1, 1, 1, 1, 0, 0, 0}));
  EXPECT_GT(weights("o")[4], 0.7F);
  EXPECT_EQ(weights("o")[5], 0.0F);
  EXPECT_EQ(summary("o")["dropped"], 3);
  EXPECT_EQ(summary("o")["tokens_per_expert"], (std::vector<int>{5, 0}));
}

TEST_F(Route, ADiffIsDrawn) {
  write_floats("l.npy", {kToken, kToken, {0, 1, 2, 3, 4, 5, 6, 7}});
  write_floats("b.npy", {{-1, -1, -1, -1, -1, -1, -1, -1}});
  const std::string line =
      "--preset deepseek_v3 --set router.num_expert_groups=4 --set router.num_limited_groups=2 --set "
      "router.top_k=2 --logits l.npy --bias b.npy --diff deepseek_v3_zero_fill ";
  const int status = run(line + "--report d.html");
  if (read("err").find("[no-report]") != std::string::npos) {
    GTEST_SKIP() << "built without npm";
  }
  ASSERT_EQ(status, 0) << read("err");
  EXPECT_EQ(read("err"), "report   d.html\n");
  EXPECT_NE(read("out").find("parts at: group limits"), std::string::npos);
  const std::string page = read("d.html");
  for (const char* text : {"<!DOCTYPE html>", "id=\"stages\"", "id=\"first-token\"", "id=\"load\"",
                           "3 of 3 tokens (100 %) end differently", "parts at: group limits",
                           "moesim route --preset deepseek_v3 --logits l.npy --bias b.npy --set "
                           "router.num_expert_groups=4"}) {
    EXPECT_NE(page.find(text), std::string::npos) << text;
  }
  ASSERT_EQ(run(line + "-o json --report e.html"), 0) << read("err");
  EXPECT_TRUE(read("e.html") == page) << "the same numbers, the same bytes";
}

TEST_F(Route, SoftRoutersMix) {
  write_floats("l.npy", {{1, 2, 3, 4}, {0, 0, 0, 0}, {4, 3, 2, 1}});
  ASSERT_EQ(run("--preset soft_moe --set router.slots_per_expert=2 --logits l.npy --out o"), 0)
      << read("err");
  const Table<float> dispatch = table<float>("o/dispatch.npy");
  EXPECT_EQ(dispatch.header, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }");
  // A slot's share of a token is e^logit among the tokens, a token's share of a slot among the slots.
  const std::vector<float> combine = table<float>("o/combine.npy").values;
  ASSERT_EQ(combine.size(), 12U);
  EXPECT_NEAR(dispatch.values[0], 0.046613, 6e-7);  // e / (e + 1 + e^4)
  EXPECT_NEAR(dispatch.values[4], 0.017148, 6e-7);
  EXPECT_NEAR(dispatch.values[8], 0.936240, 6e-7);
  EXPECT_NEAR(combine[0], 0.032059, 6e-7);  // e / (e + e^2 + e^3 + e^4)
  EXPECT_EQ(combine[4], 0.25F);
  EXPECT_NEAR(combine[8], 0.643914, 6e-7);
  EXPECT_FALSE(std::filesystem::exists(folder_.file("o/expert.npy")));
  EXPECT_EQ(summary("o")["num_experts"], 2);
}

TEST_F(Route, HiddenStatesTimesTheGateAreTheLogits) {
  write_floats("x.npy", {{1, 2}, {-1, 0.5F}});
  write_floats("w.npy", {{1, 0}, {0, 1}, {1, 1}});
  write_floats("l.npy", {{1, 2, 3}, {-1, 0.5F, -0.5F}});
  ASSERT_EQ(run("--preset mixtral --hidden x.npy --gate w.npy --out a"), 0) << read("err");
  ASSERT_EQ(run("--preset mixtral --logits l.npy --out b"), 0) << read("err");
  EXPECT_EQ(read("a/expert.npy"), read("b/expert.npy"));
  EXPECT_EQ(read("a/weight.npy"), read("b/weight.npy"));
}

TEST_F(Route, HashRoutersReadIdsAndTables) {
  write_ids("i.npy", 1, {1, 0, 1});
  write_ids("m.npy", 2, {0, 3, 2, 1});
  write_floats("l.npy", {{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 1, 2, 3}});
  ASSERT_EQ(
      run("--preset deepseek_v4_hash --set router.top_k=2 --logits l.npy --token-ids i.npy --table m.npy "
          "--out o"),
      0)
      << read("err");
  EXPECT_EQ(experts("o"), (std::vector<std::int32_t>{2, 1, 0, 3, 2, 1}));
  EXPECT_FLOAT_EQ(weights("o")[0], 0.75F);
  ASSERT_EQ(run("--preset hash_layer --token-ids i.npy --set layer.num_experts=4 --out p"), 0) << read("err");
  EXPECT_EQ(experts("p")[0], experts("p")[2]);
}

// Section 2.2 of the survey that the losses follow; the numbers are worked by hand there.
TEST_F(Route, PrintsEveryLossOfTheBatch) {
  write_floats("l.npy", {{2, 1, 0, -1}, {1.5F, 2, 0.5F, 0}, {1, 0.5F, 2.5F, -0.5F}, {3, 1, 0.5F, 0}});
  ASSERT_EQ(run("--preset mixtral --logits l.npy --devices 2 -o json"), 0) << read("err");
  const nlohmann::json losses = nlohmann::json::parse(read("out"))["losses"];
  const std::vector<std::pair<const char*, double>> wanted = {
      {"switch", 1.431147},           {"gshard_top1", 1.431147},     {"switch_topk_sum", 2.855574},
      {"switch_topk_mean", 1.427787}, {"deepseek_expert", 1.427787}, {"fairscale", 0.089447},
      {"z_loss", 7.917175},           {"importance_cv2", 0.373300},  {"deepseek_device", 1.318320},
      {"deepseek_comm", 0.784160}};
  for (const auto& [name, value] : wanted) {
    EXPECT_NEAR(losses[name].get<double>(), value, 5.1e-7) << name;
  }
  EXPECT_EQ(losses.size(), 16U);
  ASSERT_EQ(run("--preset mixtral --logits l.npy --sequence-length 2 -o json"), 0) << read("err");
  EXPECT_NE(nlohmann::json::parse(read("out"))["losses"]["seq_wise"], losses["seq_wise"]);
  // With sigmoid scores the same two experts, and scores divided by their sum.
  ASSERT_EQ(run("--preset megatron_sigmoid --logits l.npy -o json"), 0) << read("err");
  EXPECT_NEAR(nlohmann::json::parse(read("out"))["losses"]["seq_wise"].get<double>(), 1.180215, 5.1e-7);
}

TEST_F(Route, LossesKnowTheNoiseAndTheWeightlessExpertsOfTheRouter) {
  write_floats("l.npy", {{3, 2, 0, -1}, {1.5F, 2.5F, 0.5F, 0}, {4, 0.5F, 2.5F, -0.5F}, {3, 1, 0.5F, 0}});
  const auto without_meaning = [&](const std::string& line, const char* loss) -> std::string {
    EXPECT_EQ(run(line + " -o json"), 0) << read("err");
    const nlohmann::json json = nlohmann::json::parse(read("out"));
    const nlohmann::json& reasons = json["losses_without_meaning"];
    return reasons.contains(loss) ? reasons[loss].get<std::string>() : json["losses"][loss].dump();
  };
  // Hardly any noise: chances are counts, here 4, 3, 1 and 0 of the 8 choices, whose CV^2 is 10/16.
  EXPECT_NEAR(std::stod(without_meaning("--preset vmoe_train --set router.noise_scale=1e-6 --logits l.npy",
                                        "load_cv2")),
              0.625, 1e-9);
  const double half = std::stod(without_meaning("--preset vmoe_train --logits l.npy", "load_cv2"));
  EXPECT_GT(half, 0.3);
  EXPECT_LT(half, 0.7);
  EXPECT_GT(std::stod(without_meaning("--preset noisy_topk_train --set router.top_k=2 --set "
                                      "layer.num_experts=8 --hidden l.npy",
                                      "load_cv2")),
            0.0);
  for (const char* noise : {"none", "gumbel", "uniform", "replace"}) {
    EXPECT_EQ(without_meaning(std::string("--preset mixtral --logits l.npy --set router.noise=") + noise,
                              "load_cv2"),
              "the router adds no Gaussian noise to its logits")
        << noise;
  }
  const std::string pool = "--preset mixtral --logits l.npy --set router.weightless_experts=";
  EXPECT_GT(std::stod(without_meaning(pool + "1", "moepp_hetero")), 0.0);
  EXPECT_EQ(without_meaning(pool + "0", "moepp_hetero"), "no expert is a zero-computation expert");
}

TEST_F(Route, TokensThatARouterCannotShareOutAreNamedByTheirFile) {
  write_floats("x.npy", Rows(5, {1, 2}));
  EXPECT_EQ(run("--preset base_layers --set layer.num_experts=4 --hidden x.npy --out o"), 65);
  EXPECT_EQ(read("err"),
            "x.npy: error: 5 tokens do not divide among 4 experts, to which base_layers gives equally many; "
            "expected a multiple of 4 [not-divisible]\n"
            "  help: cut the array to 4 rows, or pad it to 8\n");
}

}  // namespace
}  // namespace moesim
