// What the binary lists and explains: routers, errors, metrics.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/moesim_run.h"

namespace moesim {
namespace {

TEST(CommandLine, RoutersListsDescribesAndExports) {
  const Outcome table = moesim_run("routers");
  EXPECT_EQ(table.status, 0);
  for (const char* name : {"token_choice", "expert_choice", "hash", "random", "mixtral", "olmoe", "gpt_oss",
                           "switch", "deepseek_v3"}) {
    EXPECT_NE(table.out.find(name), std::string::npos) << name;
    EXPECT_EQ(moesim_run(std::string("routers ") + name).status, 0) << name;
  }
  const nlohmann::json list = nlohmann::json::parse(moesim_run("routers -o json").out);
  std::set<std::string> names;
  for (const auto& entry : list) {
    names.insert(entry.at("name"));
    EXPECT_FALSE(entry.at("source").get<std::string>().empty()) << entry;
    EXPECT_FALSE(entry.at("traits").empty()) << entry;
    EXPECT_NE(entry.at("config").get<std::string>().find(entry.at("name")), std::string::npos) << entry;
  }
  EXPECT_EQ(names.size(), list.size());
  const auto variant = nlohmann::json::parse(moesim_run("routers vmoe_train -o json").out).at(0);
  EXPECT_EQ(variant.at("variant_of"), "vmoe");
  EXPECT_EQ(variant.at("capacity").at("factor"), "1.05");
  EXPECT_EQ(variant.at("beyond_defaults"), std::vector<std::string>{"noise: gaussian"});
  EXPECT_EQ(variant.at("config"), "router: {preset: vmoe_train}");
  const Outcome text = moesim_run("routers switch_train");
  EXPECT_NE(text.out.find("stages   token_choice, but jitter_eps: 0.01, top_k: 1\n"
                          "variant  of switch: jitter_eps: 0.01\n"),
            std::string::npos)
      << text.out;
  EXPECT_NE(moesim_run("routers jamba").out.find("stages   token_choice, all by default\n"),
            std::string::npos);
  const auto finds = [](const std::string& word, const std::string& name) {
    const Outcome found = moesim_run("routers " + word);
    EXPECT_EQ(found.status, 0) << word << found.err;
    EXPECT_NE(found.out.find("\n  " + name + " "), std::string::npos) << found.out;
    std::istringstream lines(found.out);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 104u) << line;
    }
  };
  finds("Qwen3", "qwen3_moe");
  finds("qwen", "qwen2_moe");
  finds("Mixtral-8x7B", "mixtral");
  finds("llama.cpp", "deepseek_v3_llamacpp");
  EXPECT_EQ(nlohmann::json::parse(moesim_run("routers qwen3 -o json").out).size(), 2u);
  const Outcome wrong = moesim_run("routers mixtrl");
  EXPECT_EQ(wrong.status, 64);
  EXPECT_NE(wrong.err.find("did you mean 'mixtral'?"), std::string::npos);
}

TEST(CommandLine, ExplainKnowsErrorsAndMetrics) {
  EXPECT_NE(moesim_run("explain no-effect").out.find("no-effect\n"), std::string::npos);
  EXPECT_EQ(moesim_run("explain max_violation").status, 0);
  EXPECT_EQ(moesim_run("explain nonsense").status, 64);
  EXPECT_EQ(moesim_run("explain MaxVio").out, moesim_run("explain max_violation").out);
  EXPECT_EQ(moesim_run("explain 'load CV'").out, moesim_run("explain m.load_cv").out);
  EXPECT_EQ(moesim_run("explain processed.load_cv").out,
            moesim_run("explain load_cv").out + moesim_run("explain processed").out);
  for (const char* word : {"timing",       "swiglu",
                           "relu",         "router",
                           "layer.d_ff",   "workload",
                           "balance",      "measure",
                           "capacity",     "executor",
                           "deepseek_v3",  "token_choice",
                           "gshard_top1",  "quantile_balancing",
                           "gshard",       "batch_prioritised",
                           "router.top_k", "baselines",
                           "sweep",        "extends"}) {
    EXPECT_EQ(moesim_run(std::string("explain ") + "'" + word + "'").status, 0) << word;
  }
  EXPECT_NE(moesim_run("explain router").out.find("router (kind: token_choice)"), std::string::npos);
  EXPECT_NE(moesim_run("explain layr").err.find("did you mean 'layer'?"), std::string::npos);
  EXPECT_EQ(moesim_run("explain").status, 0);
}

TEST(CommandLine, EveryNumberOfAResultIsExplained) {
  const auto row = nlohmann::json::parse(moesim_run("run quickstart -o json" + kQuick).out);
  std::set<std::string> families;
  for (const auto& [name, value] : row.items()) {
    const bool numbered = name.find_first_of("0123456789") != std::string::npos;
    if (name.rfind("m.", 0) == 0 && !numbered && families.insert(name).second) {
      EXPECT_EQ(moesim_run("explain " + name).status, 0) << name;
    }
  }
  EXPECT_GT(families.size(), 50u);
}

TEST(CommandLine, EveryShortNameOfAnErrorIsExplained) {
  const std::string known = moesim_run("explain").out;
  std::set<std::string> names;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::string(MOESIM_SOURCE_DIR) + "/src")) {
    if (entry.path().extension() != ".cpp") {
      continue;
    }
    const std::string text = read_all(entry.path().string());
    for (std::size_t open = text.find(" ["); open != std::string::npos; open = text.find(" [", open + 1)) {
      const std::size_t close = text.find(']', open);
      const std::string word = text.substr(open + 2, std::min(close, text.size()) - open - 2);
      if (word.find('-') != std::string::npos &&
          word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string::npos) {
        names.insert(word);
      }
    }
  }
  names.erase("short-name");
  EXPECT_GE(names.size(), 8u);
  for (const std::string& name : names) {
    EXPECT_NE(known.find("  " + name + "\n"), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace moesim
