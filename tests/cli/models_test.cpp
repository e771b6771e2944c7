// moesim models: the list, one of it, and a user's config.json.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/moesim_run.h"

namespace moesim {
namespace {

using nlohmann::json;

const std::string kCorpus = std::string(MOESIM_SOURCE_DIR) + "/tests/fuzz/corpus/hf_config/";

json rows_of(const std::string& line) {
  const Outcome outcome = moesim_run(line);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  return json::parse(outcome.out, nullptr, false);
}

const json& row_named(const json& rows, const std::string& name) {
  static const json none;
  for (const json& row : rows) {
    if (row.at("name") == name) {
      return row;
    }
  }
  ADD_FAILURE() << name;
  return none;
}

TEST(ModelsCommand, ListsEveryModelAsJson) {
  const json rows = rows_of("models -o json");
  ASSERT_TRUE(rows.is_array());
  EXPECT_GE(rows.size(), 55u);
  const json& oss = row_named(rows, "gpt-oss-120b");
  EXPECT_NEAR(oss.at("total_params").get<double>() / 1e9, 116.829, 0.0005);
  EXPECT_NEAR(oss.at("active_params.all").get<double>() / 1e9, 5.712, 0.0005);
  EXPECT_NEAR(oss.at("active_params.no_input_embedding").get<double>() / 1e9, 5.133, 0.0005);
  EXPECT_NEAR(oss.at("active_params.no_embeddings").get<double>() / 1e9, 4.554, 0.0005);
  EXPECT_EQ(oss.at("published.active_convention"), "no_input_embedding");
  EXPECT_EQ(oss.at("published.total_params"), 116830000000);
  const json& gemma = row_named(rows, "gemma-4-26b-a4b");
  EXPECT_TRUE(gemma.at("total_params").is_null()) << "only the routed experts are known";
  EXPECT_EQ(gemma.at("complete"), false);
  EXPECT_NEAR(gemma.at("parts.routed").get<double>() / 1e9, 22.84, 0.005);
  EXPECT_TRUE(row_named(rows, "kimi-k3").at("router").is_null());
}

TEST(ModelsCommand, PrintsTheTable) {
  const Outcome outcome = moesim_run("models");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(
      outcome.out.find("mixtral-8x7b              46.703      46.7   +0.01     12.880   12.749   12.618      "
                       "12.9     8   2  mixtral\n"),
      std::string::npos)
      << outcome.out;
  EXPECT_NE(outcome.out.find("kimi-k2                 1026.408      1040   -1.31"), std::string::npos);
  EXPECT_NE(outcome.out.find("qwen3-next-80b-a3b      (77.309)"), std::string::npos);
}

TEST(ModelsCommand, ShowsAllPartsOfOne) {
  const Outcome outcome = moesim_run("models deepseek-v3");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  for (const char* text : {"routed experts", "shared experts", "attention", "router", "dense FFNs", "norms",
                           "input embedding", "output projection", "671.026 B", "36.626 B", "37.552 B",
                           "nearest to no_input_embedding", "must be held in memory", "KV cache"}) {
    EXPECT_NE(outcome.out.find(text), std::string::npos) << text << "\n" << outcome.out;
  }
  EXPECT_NE(moesim_run("models longcat-flash").out.find("18.694 B   to 31.377 B"), std::string::npos);
  EXPECT_NE(moesim_run("models kimi-k3").out.find("of the routed experts alone"), std::string::npos);
}

TEST(ModelsCommand, CountsAUsersConfig) {
  const json rows = rows_of("models --config " + kCorpus + "deepseek_v3.json -o json");
  ASSERT_EQ(rows.size(), 1u);
  const json published = row_named(rows_of("models -o json"), "deepseek-v3");
  for (const auto& [name, value] : rows.front().items()) {
    if (name != "name" && name != "title" && name != "source" && name != "note" &&
        name.rfind("published", 0) != 0) {
      EXPECT_EQ(value, published.at(name)) << name;
    }
  }
  EXPECT_TRUE(rows.front().at("published.total_params").is_null());
  const Outcome screen = moesim_run("models --config " + kCorpus + "llama4.json");
  EXPECT_EQ(screen.status, 0) << screen.err;
  EXPECT_NE(screen.out.find("text_config.num_local_experts"), std::string::npos) << screen.out;
  EXPECT_NE(screen.out.find("400.712 B"), std::string::npos);
}

TEST(ModelsCommand, WritesOtherForms) {
  EXPECT_EQ(moesim_run("models olmoe-1b-7b -o csv").out.rfind("name,title,complete,total_params,", 0), 0u);
  EXPECT_EQ(moesim_run("models olmoe-1b-7b -o md").out.rfind("| name |", 0), 0u);
  const Outcome lines = moesim_run("models -o jsonl");
  EXPECT_EQ(static_cast<std::size_t>(std::count(lines.out.begin(), lines.out.end(), '\n')),
            rows_of("models -o json").size());
  const TempFolder folder;
  EXPECT_EQ(moesim_run("models --out " + folder.file("models.csv")).status, 0);
  EXPECT_NE(read_all(folder.file("models.csv")).find("\ngrok-1,"), std::string::npos);
}

TEST(ModelsCommand, DrawsThem) {
  const TempFolder folder;
  const Outcome drawn = moesim_run("models --report " + folder.file("models.html"));
  if (drawn.err.find("[no-report]") != std::string::npos) {
    GTEST_SKIP() << "this build draws nothing";
  }
  EXPECT_EQ(drawn.status, 0) << drawn.err;
  const std::string page = read_all(folder.file("models.html"));
  EXPECT_NE(page.find("Which convention a published figure follows"), std::string::npos);
  EXPECT_NE(page.find("deepseek-v3"), std::string::npos);
  EXPECT_EQ(moesim_run("models dbrx --report " + folder.file("one.html")).status, 64);
}

TEST(ModelsCommand, RefusesWrongInput) {
  const Outcome unknown = moesim_run("models mixtral-8x7");
  EXPECT_EQ(unknown.status, 64);
  EXPECT_NE(unknown.err.find("did you mean 'mixtral-8x7b'?"), std::string::npos) << unknown.err;
  EXPECT_EQ(moesim_run("models dbrx --config x.json").status, 64);
  EXPECT_EQ(moesim_run("models --config missing.json").status, 66);
  const TempFolder folder;
  const std::string config = folder.write("config.json", R"({"model_type": "mixtral", "hidden_size": -1})");
  const Outcome refused = moesim_run("models --config " + config);
  EXPECT_EQ(refused.status, 65);
  EXPECT_NE(
      refused.err.find("config.json: error: hidden_size: got -1; expected a whole number from 1 to 16777216 "
                       "[out-of-range]"),
      std::string::npos)
      << refused.err;
  EXPECT_EQ(moesim_run("models --config " + folder.path()).status, 66) << "a folder";
}

}  // namespace
}  // namespace moesim
