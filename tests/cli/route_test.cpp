// moesim route through the command line: arrays in, arrays out.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "io/npy.h"
#include "router/router.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

using Rows = std::vector<std::vector<float>>;

// The worked example of one token and eight experts, and a selection bias for it.
const std::vector<float> kToken = {2.0F, 1.0F, 0.5F, -0.5F, 1.5F, -1.0F, 0.0F, -2.0F};
const std::vector<float> kBias = {-0.5F, 0.0F, 0.0F, 0.2F, -0.1F, 0.0F, 0.4F, 0.0F};

template <class Element>
struct Table {
  std::string header;  // the dictionary, trimmed
  std::vector<Element> values;
};

class Route : public testing::Test {
 protected:
  int run(const std::string& line) {
    const int status = std::system(
        ("cd " + folder_.file("") + " && " + MOESIM_BINARY + " route " + line + " >out 2>err").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::string read(const std::string& name) const {
    std::ifstream file(folder_.file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  void write_floats(const std::string& name, const Rows& rows) const {
    Matrix matrix(static_cast<Index>(rows.size()), rows.empty() ? 1 : static_cast<Index>(rows[0].size()));
    for (std::size_t r = 0; r < rows.size(); ++r) {
      std::copy(rows[r].begin(), rows[r].end(), matrix.row(static_cast<Index>(r)).begin());
    }
    write_npy(folder_.file(name), matrix.view());
  }

  void write_ids(const std::string& name, Index cols, const std::vector<std::int32_t>& ids) const {
    const std::string_view payload(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(ids[0]));
    std::ofstream(folder_.file(name), std::ios::binary)
        << npy_header({"<i4", static_cast<Index>(ids.size()) / cols, cols, payload}) << payload;
  }

  template <class Element>
  Table<Element> table(const std::string& name) const {
    const std::string bytes = read(name);
    EXPECT_GT(bytes.size(), 128U) << name;
    Table<Element> table{bytes.substr(10, bytes.find('}') - 9), {}};
    table.values.resize((bytes.size() - 128) / sizeof(Element));
    std::memcpy(table.values.data(), bytes.data() + 128, table.values.size() * sizeof(Element));
    return table;
  }

  std::vector<std::int32_t> experts(const std::string& out) const {
    return table<std::int32_t>(out + "/expert.npy").values;
  }
  std::vector<float> weights(const std::string& out) const {
    return table<float>(out + "/weight.npy").values;
  }
  std::vector<std::uint8_t> kept(const std::string& out) const {
    return table<std::uint8_t>(out + "/kept.npy").values;
  }
  nlohmann::json summary(const std::string& out) const {
    return nlohmann::json::parse(read(out + "/route.json"));
  }

  TempFolder folder_;
};

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

struct Refused {
  const char* line;
  int status;
  const char* message;
};

TEST_F(Route, NamesWhatIsMissingOrWrong) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  write_floats("l.npy", {kToken, kToken});
  write_floats("two.npy", {{1, 2}, {3, 4}});
  write_floats("nan.npy", {{1, 2}, {3, nan}});
  write_floats("x.npy", {{1, 2}});
  write_floats("w3.npy", {{1, 2, 3}});
  write_floats("b3.npy", {{1, 2, 3}});
  write_ids("i.npy", 1, {1});
  const std::vector<Refused> cases = {
      {"--logits l.npy --out o", 64, "neither a config nor --preset is given"},
      {"quickstart --preset mixtral --logits l.npy --out o", 64, "a config and --preset are both given"},
      {"--preset mixtral --logits l.npy", 64, "nothing says what to do with the result"},
      {"--preset mixtral --out o", 64, "no numbers are given; expected --logits L.npy"},
      {"--preset hash_layer --logits l.npy --out o", 64,
       "hash_layer looks at token ids; expected --token-ids I.npy [missing-option]"},
      {"--preset base_layers --logits l.npy --out o", 64,
       "base_layers looks at the tokens' vectors; expected --hidden X.npy [missing-option]"},
      {"--preset xmoe_cosine --logits l.npy --out o", 64, "expected --hidden X.npy"},
      {"--preset noisy_topk_train --logits l.npy --out o", 64, "or --set router.noise=none [missing-option]"},
      {"--preset mixtral --logits l.npy --bias b3.npy --out o", 65, "b3.npy: error: 3 numbers; expected 8"},
      {"--preset switch --hidden x.npy --gate w3.npy --out o", 65, "w3.npy: error: 3 columns; expected 2"},
      {"--preset mixtral --logits nan.npy --out o", 65,
       "nan.npy: error: row 1, column 1 (from 0): the value is nan; expected a finite float32 [not-finite]"},
      {"--preset mixtral --logits none.npy --out o", 66, "none.npy: error: there is no such file"},
      {"--preset mixtral --logits i.npy --out o", 65, "descr is '<i4' (whole numbers)"},
      {"--preset hash_layer --logits l.npy --token-ids i.npy --out o", 65,
       "i.npy: error: 1 tokens; expected 2, as l.npy has"},
      {"--preset mixtral --set router.top_k=9 --logits l.npy --out o", 78,
       "note: layer.num_experts is 8 (l.npy has 8 columns)"},
      {"--preset deepseek_v3 --set router.num_expert_groups=3 --logits l.npy --out o", 78,
       "expected a divisor of 8"},
      {"quickstart --set layer.num_experts=16 --logits l.npy --out o", 78,
       "expected 8, as l.npy has 8 columns"},
      {"--preset mixtrel --logits l.npy --out o", 78, "did you mean 'mixtral'?"},
      {"--preset mixtral --logits l.npy --token-ids i.npy --out o", 64, "--token-ids has no effect"},
      {"--preset mixtral --logits l.npy --gate w3.npy --out o", 65, "w3.npy: error: 1 rows; expected 8"},
      {"--preset mixtral --logits l.npy --devices 3 -o json", 64, "expected a divisor of 8"},
      {"--preset mixtral --logits l.npy --diff mixtrel", 64, "did you mean 'mixtral'?"},
      {"--preset mixtral --logits l.npy --diff nonono", 64,
       "there is no config and no router preset 'nonono'; expected one of them [unknown-variant]\n  help: "
       "'moesim routers' lists the presets"},
      {"--preset mixtral --logits two.npy --diff deepseek_v3", 78, "--diff deepseek_v3: error: "},
      {"--preset soft_moe --logits l.npy --diff mixtral", 64, "soft_moe is a soft router"},
  };
  for (const Refused& refused : cases) {
    EXPECT_EQ(run(refused.line), refused.status) << refused.line << "\n" << read("err");
    EXPECT_NE(read("err").find(refused.message), std::string::npos) << refused.line << "\n" << read("err");
    EXPECT_FALSE(std::filesystem::exists(folder_.file("o"))) << refused.line;
  }
}

TEST_F(Route, SaysWordForWordWhichOptionIsMissing) {
  write_floats("l.npy", {kToken});
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"--preset mixtral --out o",
       "no numbers are given; expected --logits L.npy, --hidden X.npy or --token-ids I.npy"},
      {"--preset hash_layer --logits l.npy --out o",
       "hash_layer looks at token ids; expected --token-ids I.npy"},
      {"--preset base_layers --logits l.npy --out o",
       "base_layers looks at the tokens' vectors; expected --hidden X.npy"},
      {"--preset xmoe_cosine --logits l.npy --out o",
       "xmoe_cosine makes its logits from the tokens' vectors (router.logit is cosine); expected --hidden "
       "X.npy, "
       "and --gate W.npy for given weights"},
      {"--preset noisy_topk_train --logits l.npy --out o",
       "noisy_topk_train makes the deviation of its noise from the tokens' vectors (router.noise); expected "
       "--hidden X.npy, or --set router.noise=none"}};
  for (const auto& [line, message] : cases) {
    EXPECT_EQ(run(line), 64) << line;
    EXPECT_EQ(read("err"), std::string("moesim route: error: ") + message + " [missing-option]\n") << line;
  }
  EXPECT_EQ(run("--preset deepseek_v3 --set router.num_expert_groups=3 --logits l.npy --out o"), 78);
  EXPECT_EQ(
      read("err"),
      "--set router.num_expert_groups=3: error: router.num_expert_groups: got 3; expected a divisor of 8 "
      "[not-divisible]\n  help: write 2 or 4\n  note: layer.num_experts is 8 (l.npy has 8 columns)\n"
      "1 error. Nothing was run.\n");
}

TEST_F(Route, LeavesNothingHalfWritten) {
  write_floats("l.npy", Rows(2000, kToken));
  ASSERT_EQ(run("--preset mixtral --logits l.npy --out o"), 0) << read("err");
  const std::string before = read("o/expert.npy");
  // Room for expert.npy (16 KB) and not for all that is written.
  const int status = std::system(("cd " + folder_.file("") + " && ulimit -f 20 && " + MOESIM_BINARY +
                                  " route --preset olmoe --logits l.npy --out o >/dev/null 2>err")
                                     .c_str());
  EXPECT_EQ(WEXITSTATUS(status), 74) << read("err");
  EXPECT_EQ(read("o/expert.npy"), before);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.file("o")), {}), 4);
  std::ofstream(folder_.file("file")) << "x";
  EXPECT_EQ(run("--preset mixtral --logits l.npy --out file"), 73) << read("err");
}

TEST_F(Route, DiffNamesTheStageWhereTwoRoutersPart) {
  // The leak of the group mask: kept experts below 0 lose against excluded ones whose score becomes 0.
  const std::string groups =
      " --set router.num_expert_groups=2 --set router.num_limited_groups=1 --set router.top_k=2 "
      "--set router.score_func=raw --set router.route_norm=false";
  write_floats("l.npy", {{0.9F, 0.2F, 0.6F, 0.5F}});
  write_floats("b.npy", {{0, -0.5F, -0.55F, -0.45F}});
  ASSERT_EQ(
      run("--preset deepseek_v3 --diff deepseek_v3_zero_fill --logits l.npy --bias b.npy -o json" + groups),
      0)
      << read("err");
  nlohmann::json diff = nlohmann::json::parse(read("out"));
  EXPECT_EQ(diff["differing_tokens"], 1);
  EXPECT_EQ(diff["tokens_with_other_experts"], 1);
  EXPECT_EQ(diff["stage"], "group limits");
  EXPECT_EQ(diff["token_a"]["expert"], (std::vector<int>{0, 1}));
  EXPECT_EQ(diff["token_b"]["expert"], (std::vector<int>{0, 2}));

  write_floats("t.npy", {kToken});
  ASSERT_EQ(run("--preset mixtral --diff olmoe --set router.top_k=2 --logits t.npy -o json"), 0)
      << read("err");
  diff = nlohmann::json::parse(read("out"));
  EXPECT_EQ(diff["stage"], "weights");
  EXPECT_EQ(diff["tokens_with_other_experts"], 0);

  // Room for 5 of 8 tokens against room for all.
  write_floats("one.npy", Rows(8, {1, 0}));
  std::ofstream(folder_.file("dropless.yaml")) << "layer: {num_experts: 2}\nrouter: {preset: megablocks}\n";
  ASSERT_EQ(run("--preset switch --diff dropless.yaml --logits one.npy -o json"), 0) << read("err");
  diff = nlohmann::json::parse(read("out"));
  EXPECT_EQ(diff["differing_tokens"], 3);
  EXPECT_EQ(diff["first_token"], 5);
  EXPECT_EQ(diff["stage"], "capacity");

  ASSERT_EQ(run("--preset mixtral --diff mixtral_topk_softmax --logits t.npy"), 0) << read("err");
  EXPECT_NE(read("out").find("same     all 1 tokens"), std::string::npos) << read("out");
}

TEST_F(Route, RecordsItsInputsAndLeavesNoArrayOfAnotherKind) {
  write_floats("l.npy", Rows(4, kToken));
  write_floats("b.npy", {kBias});
  ASSERT_EQ(run("--preset soft_moe --set router.slots_per_expert=1 --logits l.npy --out d"), 0)
      << read("err");
  EXPECT_TRUE(std::filesystem::exists(folder_.file("d/dispatch.npy")));
  ASSERT_EQ(run("--preset deepseek_v3 --set router.num_expert_groups=2 --set router.num_limited_groups=2 "
                "--set router.top_k=2 --logits l.npy --bias b.npy --out d"),
            0)
      << read("err");
  EXPECT_FALSE(std::filesystem::exists(folder_.file("d/dispatch.npy")));
  EXPECT_FALSE(std::filesystem::exists(folder_.file("d/combine.npy")));
  EXPECT_TRUE(std::filesystem::exists(folder_.file("d/kept.npy")));
  const nlohmann::json json = summary("d");
  EXPECT_EQ(json["inputs"], (nlohmann::json{{"logits", "l.npy"}, {"bias", "b.npy"}}));
  EXPECT_FALSE(json["settings"].contains("router.expert_bias"));
  EXPECT_EQ(json["settings"]["router.top_k"], 2);
  EXPECT_TRUE(json["metrics"].contains("load_cv"));
}

TEST_F(Route, ChoosesAmongThePoolThatARunChoosesAmong) {
  std::ofstream(folder_.file("pool.yaml"))
      << "name: pool\n"
         "layer: {d_model: 4, d_ff: 4, num_experts: 6, zero_experts: 2}\n"
         "workload: {kind: gaussian_clusters, tokens: 4}\n"
         "router: {preset: mixtral}\n";
  write_floats("l.npy", Rows(4, kToken));
  ASSERT_EQ(run("pool.yaml --logits l.npy --out d"), 0) << read("err");
  EXPECT_EQ(summary("d")["num_experts"], 8);
  EXPECT_EQ(run("pool.yaml --set layer.num_experts=8 --logits l.npy --out e"), 78);
  EXPECT_NE(
      read("err").find("got 8 and 2 zero, copy or constant experts; expected 6, as l.npy has 8 columns"),
      std::string::npos)
      << read("err");
  EXPECT_EQ(run("pool.yaml --set layer.zero_experts=9 --logits l.npy --out e"), 78);
  EXPECT_EQ(run("pool.yaml --set layer.num_experts=9223372036854775807 --logits l.npy --out e"), 78);
}

TEST_F(Route, ATableWithAnExpertTwiceIsRefused) {
  std::ofstream(folder_.file("hash.yaml")) << "name: h\nrouter: {kind: hash, top_k: 2}\n"
                                              "layer: {num_experts: 8}\n";
  write_ids("ids.npy", 1, {0, 1, 0});
  write_ids("table.npy", 2, {3, 4, 5, 5});
  EXPECT_EQ(run("hash.yaml --token-ids ids.npy --table table.npy --out d"), 65);
  EXPECT_NE(read("err").find("table.npy: error: row 1 (from 0): expert 5 stands there twice"),
            std::string::npos)
      << read("err");
}

TEST_F(Route, OptionsWithoutEffectAreErrorsAndComparisonsLeaveThemOut) {
  write_floats("l.npy", Rows(4, kToken));
  write_floats("x.npy", Rows(4, {1, 2, 3}));
  EXPECT_EQ(run("--preset mixtral --logits l.npy --hidden x.npy --out d"), 64);
  EXPECT_NE(read("err").find("--hidden has no effect because --logits is given"), std::string::npos);
  EXPECT_EQ(run("--preset mixtral --diff dynmoe --logits l.npy --hidden x.npy"), 0) << read("err");
  EXPECT_EQ(run("--preset mixtral --diff olmoe --logits l.npy --out d"), 64);
  EXPECT_NE(read("err").find("--out has no effect beside --diff"), std::string::npos) << read("err");
}

TEST_F(Route, RoutersOfAnyNumberWorkWithFewerExpertsThanTheirNominalNumber) {
  write_floats("l.npy", Rows(4, {1.0F}));
  EXPECT_EQ(run("--preset remoe --logits l.npy --out d"), 0) << read("err");
}

// What `moesim routers NAME` prints as the meaning of a preset is a config that loads and routes alike.
TEST_F(Route, APresetAndWhatItStandsForRouteAlike) {
  write_floats("x.npy", Rows(3, {1, -2, 3, 0.5F}));
  int compared = 0;
  for (const std::string& name : router_presets().names()) {
    ASSERT_EQ(
        std::system((std::string(MOESIM_BINARY) + " routers " + name + " >" + folder_.file("text")).c_str()),
        0);
    const std::string text = read("text");
    const std::size_t begin = text.find("which stands for:\n\n");
    ASSERT_NE(begin, std::string::npos) << name;
    const std::size_t end = text.find("\n\n", begin + 19);
    std::ofstream(folder_.file("block.yaml")) << "name: block\n"
                                              << text.substr(begin + 19, end - begin - 19) << "\n";
    const std::string set = " --set layer.num_experts=256 --hidden x.npy -o json";
    const bool preset = run("--preset " + name + set) == 0;
    const std::string routed = preset ? nlohmann::json::parse(read("out"))["routed_per_expert"].dump() : "";
    const std::string why = read("err");
    ASSERT_EQ(run("block.yaml" + set) == 0, preset) << name << "\n" << why << read("err");
    if (preset) {
      EXPECT_EQ(nlohmann::json::parse(read("out"))["routed_per_expert"].dump(), routed) << name;
      ++compared;
    }
  }
  EXPECT_GT(compared, 70);
}

TEST_F(Route, OneDimensionIsNoBatchOfOneExpert) {
  const std::string_view payload(reinterpret_cast<const char*>(kToken.data()), kToken.size() * sizeof(float));
  std::string header = npy_header({"<f4", 8, 1, payload});
  const std::size_t shape = header.find("(8, 1)");
  ASSERT_NE(shape, std::string::npos);
  header.replace(shape, 6, "(8,)  ");
  std::ofstream(folder_.file("l.npy"), std::ios::binary) << header << payload;
  EXPECT_EQ(run("--preset switch --logits l.npy --out d"), 65);
  EXPECT_NE(read("err").find("l.npy: error: an array of 8 numbers in one dimension; expected two dimensions"),
            std::string::npos)
      << read("err");
}

TEST_F(Route, DiffShowsTheColumnsOfTheChosenExperts) {
  std::vector<float> token(64, 0.0F);
  token[40] = 3;
  token[63] = 2;
  token[9] = 1;
  write_floats("l.npy", {token});
  ASSERT_EQ(run("--preset mixtral --diff olmoe --set router.top_k=2 --logits l.npy"), 0) << read("err");
  std::istringstream lines(read("out"));
  std::string columns;
  std::string logits;
  for (std::string line; std::getline(lines, line);) {
    columns = line.rfind("  of experts ", 0) == 0 ? line : columns;
    logits = line.rfind("  logits ", 0) == 0 ? line : logits;
    EXPECT_NE(line.rfind("  noise ", 0), 0u) << line;
  }
  for (const char* expert : {" 9 ", " 40 ", " 63 ", " of 64"}) {
    EXPECT_NE(columns.find(expert), std::string::npos) << columns;
  }
  EXPECT_EQ(columns.find(" 20 "), std::string::npos) << columns;
  EXPECT_EQ(columns.find(" 40 ") + 3, logits.find(" 3 ") + 2) << columns << "\n" << logits;
  ASSERT_EQ(
      run("--preset mixtral --diff olmoe --set router.top_k=2 --set router.noise=gaussian --logits l.npy"), 0)
      << read("err");
  EXPECT_NE(read("out").find("\n  noise "), std::string::npos) << read("out");
}

TEST_F(Route, EveryPresetRoutesAndRuns) {
  std::ofstream(folder_.file("one.yaml")) << "name: one\n"
                                             "layer: {d_model: 8, d_ff: 8, num_experts: 32}\n"
                                             "workload: {kind: gaussian_clusters, tokens: 64, steps: 1}\n"
                                             "router: {preset: mixtral}\n"
                                             "baselines: []\n"
                                             "measure: {budget_s: 0, min_samples: 1}\n";
  std::string script;
  for (const std::string& name : router_presets().names()) {
    script += std::string(MOESIM_BINARY) + " run " + folder_.file("one.yaml") +
              " --set router.preset=" + name + " --no-store --show-tokens 2 >" + folder_.file("out") +
              " 2>&1 || { echo " + name + "; cat " + folder_.file("out") + "; exit 1; }\n";
  }
  std::ofstream(folder_.file("all.sh")) << script;
  EXPECT_EQ(std::system(("sh " + folder_.file("all.sh") + " >" + folder_.file("err") + " 2>&1").c_str()), 0)
      << read("err");
}

}  // namespace
}  // namespace moesim
