// moesim route through the command line: what it refuses and records, and where two routers part.
#include "cli/route_fixture.h"

namespace moesim {
namespace {

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
