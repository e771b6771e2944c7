// Recorded routing as a router.

#include <gtest/gtest.h>

#include <algorithm>

#include "building.h"
#include "config/yaml.h"
#include "support/temp_folder.h"

namespace moesim::testing {
namespace {

// Two layers of three tokens; in layer 4 the second token has one expert alone.
constexpr const char* kChoices =
    "step,layer,token,text,expert,weight,kept\n"
    "0,3,0,a,1,0.75,1\n0,3,0,a,0,0.25,1\n"
    "0,3,1,b,2,0.5,1\n0,3,1,b,3,0.5,0\n"
    "0,3,2,c,3,0.625,1\n0,3,2,c,1,0.375,1\n"
    "0,4,0,a,2,1,1\n0,4,0,a,1,0,1\n"
    "0,4,1,b,0,1,1\n"
    "0,4,2,c,3,0.5,1\n0,4,2,c,2,0.5,1\n";

constexpr const char* kCounts =
    "model,domain,num_experts,top_k,layer,expert,count\n"
    "m,x,4,2,0,0,10\nm,x,4,2,0,1,5\nm,x,4,2,0,2,4\nm,x,4,2,0,3,1\n"
    "m,y,4,2,0,0,1\nm,y,4,2,0,1,1\nm,y,4,2,0,2,1\nm,y,4,2,0,3,1\n";

class RecordedRouter : public ::testing::Test {
 protected:
  Built make(const std::string& keys, Index num_experts = 4, Index num_layers = 1) {
    folder_.write("choices.csv", kChoices);
    folder_.write("counts.csv", kCounts);
    Built built;
    const std::string yaml = "layer: {num_experts: 4}\nrouter: {kind: recorded, " + keys + "}";
    const Node root = parse_yaml(yaml, "x.yaml", built.binder.diagnostics);
    bind_places(built.binder, root, "");
    built.binder.source.directory = folder_.path();
    built.router = make_router(built.binder, root.child("router"),
                               {.num_layers = num_layers, .num_experts = num_experts});
    return built;
  }
  std::string error(const std::string& keys, Index num_experts = 4, Index num_layers = 1) {
    std::string text = make(keys, num_experts, num_layers).errors();
    for (std::size_t at; (at = text.find(folder_.path() + "/")) != std::string::npos;) {
      text.erase(at, folder_.path().size() + 1);
    }
    return text;
  }
  Assignments route(const Router& router, Index tokens, std::uint64_t first_token = 0,
                    std::uint32_t layer = 0) {
    Scene scene =
        scene_of(std::vector<std::vector<float>>(static_cast<std::size_t>(tokens), std::vector<float>(4)), 4);
    scene.batch.first_token = first_token;
    scene.layer = layer;
    return scene.route(router);
  }

  TempFolder folder_;
};

TEST_F(RecordedRouter, GivesEachTokenItsRecordedExpertsAndWeights) {
  const Built built = make("file: choices.csv, layer: 3");
  ASSERT_EQ(built.errors(), "");
  const Assignments a = route(*built.router, 3);
  EXPECT_EQ(a.expert, (std::vector<std::int32_t>{1, 0, 2, 3, 3, 1}));
  EXPECT_EQ(a.weight, (std::vector<float>{0.75F, 0.25F, 0.5F, 0.5F, 0.625F, 0.375F}));
  EXPECT_TRUE(built.router->traits().exact_k);
  EXPECT_EQ(built.router->traits().top_k, 2);
}

TEST_F(RecordedRouter, BeginsAgainBehindTheLastToken) {
  const Built built = make("file: choices.csv, layer: 3");
  const Assignments a = route(*built.router, 2, 5);
  EXPECT_EQ(a.expert, (std::vector<std::int32_t>{3, 1, 1, 0}));
}

TEST_F(RecordedRouter, TokensMayHaveAnyNumberOfExperts) {
  const Built built = make("file: choices.csv, layer: 4");
  ASSERT_EQ(built.errors(), "");
  const Assignments a = route(*built.router, 3);
  EXPECT_EQ(a.begin, (std::vector<Index>{0, 2, 3, 5}));
  EXPECT_EQ(a.expert, (std::vector<std::int32_t>{2, 1, 0, 3, 2}));
  EXPECT_FALSE(built.router->traits().exact_k);
}

TEST_F(RecordedRouter, AStackTakesOneRecordedLayerAfterTheOther) {
  const Built built = make("file: choices.csv", 4, 2);
  ASSERT_EQ(built.errors(), "");
  EXPECT_EQ(route(*built.router, 1, 0, 0).expert, (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(route(*built.router, 1, 0, 1).expert, (std::vector<std::int32_t>{2, 1}));
}

TEST_F(RecordedRouter, TakesTheFirstTokensAlone) {
  const Built built = make("file: choices.csv, layer: 3, tokens: 2");
  EXPECT_EQ(route(*built.router, 3).expert, (std::vector<std::int32_t>{1, 0, 2, 3, 1, 0}));
}

TEST_F(RecordedRouter, DrawsWithTheLoadsOfCounts) {
  const Built built = make("file: counts.csv, where: [domain=x]");
  ASSERT_EQ(built.errors(), "");
  constexpr Index kTokens = 20000;
  const Assignments a = route(*built.router, kTokens);
  std::vector<double> share(4);
  for (const std::int32_t e : a.expert) {
    share[static_cast<std::size_t>(e)] += 1.0 / kTokens;
  }
  EXPECT_NEAR(share[0], 1.0, 1e-9);  // half of all choices of two
  EXPECT_NEAR(share[1], 0.5, 0.02);
  EXPECT_NEAR(share[3], 0.1, 0.02);
  EXPECT_EQ(built.router->traits().top_k, 2);
}

TEST_F(RecordedRouter, WhatItHoldsIsPartOfTheExperiment) {
  const std::uint64_t whole = make("file: choices.csv, layer: 3").router->input_hash();
  EXPECT_NE(whole, 0U);
  EXPECT_NE(whole, make("file: choices.csv, layer: 4").router->input_hash());
  EXPECT_NE(whole, make("file: choices.csv, layer: 3, tokens: 2").router->input_hash());
}

TEST_F(RecordedRouter, SaysWhatDoesNotFit) {
  EXPECT_EQ(
      error("file: choices.csv, layer: 5"),
      "x.yaml:2:45: error: router.layer: choices.csv has no layer 5; expected one of 3, 4 [no-such-layer]");
  EXPECT_EQ(error("file: choices.csv, layer: 4", 4, 2),
            "x.yaml:2:45: error: router.layer: too few layers behind layer 4 for layer.num_layers 2; "
            "expected one of "
            "3, 4 [no-such-layer]");
  EXPECT_EQ(error("file: choices.csv", 4, 3),
            "x.yaml:2:26: error: router.file: choices.csv has 2 recorded layers, but layer.num_layers is 3; "
            "expected "
            "at least as many [bad-relation]\n  help: --set layer.num_layers=2");
  EXPECT_EQ(
      error("file: choices.csv", 3),
      "x.yaml:2:26: error: router.file: choices.csv is of 4 experts; expected as many as the layer has "
      "[bad-relation]\n  help: set layer.num_experts to 4\n  note: x.yaml:1:9: the layer has 3 experts");
  EXPECT_EQ(error("file: choices.csv", 8), "");  // does not say how many there are
  EXPECT_EQ(
      error("file: counts.csv"),
      "x.yaml:2:1: error: router.where: counts.csv holds 2 recordings: model=m,domain=x; model=m,domain=y; "
      "expected conditions that leave one [several-recordings]\n  help: write where: [model=m,domain=x]");
  EXPECT_NE(error("file: nothing.csv").find("[file-missing]"), std::string::npos);
}

// The reader speaks of options; here keys stand for them.
TEST_F(RecordedRouter, SpeaksOfItsKeys) {
  const std::string form = error("file: choices.csv, form: nope");
  EXPECT_EQ(form.rfind("x.yaml:2:45: error: router.form: 'nope' is no form; expected moer, ", 0), 0U) << form;
  EXPECT_EQ(form.find("--form"), std::string::npos) << form;
  EXPECT_EQ(form.find("\\n"), std::string::npos) << form;
  EXPECT_EQ(error("file: counts.csv, where: [domain=nope]"),
            "x.yaml:2:44: error: router.where: 'domain=nope' leaves nothing of counts.csv; expected values "
            "that stand in it [bad-option]\n  help: the file has router.where: domain=x; values of domain: "
            "'x', 'y'");
  const std::string column = error("file: counts.csv, where: [place=x]");
  EXPECT_NE(column.find("router.where: counts.csv has no column 'place'"), std::string::npos) << column;
  folder_.write("no.txt", "Once upon a time\n");
  const std::string none = error("file: no.txt");
  EXPECT_EQ(none.find("\\n"), std::string::npos) << none;
  EXPECT_NE(none.find("trace stats FILE"), std::string::npos) << none;
}

}  // namespace
}  // namespace moesim::testing
