// What the binary lists and explains: routers, errors, metrics, words.

#include <nlohmann/json.hpp>
#include <set>

#include "cli/explanations.h"
#include "cli/moesim_run.h"
#include "core/text.h"

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

// The text with each run of blanks and line ends as one blank.
std::string on_one_line(const std::string& text) {
  std::string line;
  for (const char c : text) {
    if (c != ' ' && c != '\n') {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  return line;
}

TEST(CommandLine, ExplainOfANameWithManyDotsEnds) {
  std::string name = "load_cv";
  for (int i = 0; i < 60; ++i) {
    name = "x." + name;
  }
  EXPECT_EQ(moesim_run("explain " + name).status, 64);
  EXPECT_EQ(moesim_run("explain a.m.noise_floor.processed.load_cv.p95").status, 0);
}

TEST(CommandLine, ExplainSpeaksTwoLanguages) {
  const Outcome korean = moesim_run("explain expert --lang ko");
  EXPECT_EQ(korean.status, 0);
  EXPECT_EQ(korean.out.rfind("전문가 (expert)\n  독립된 ", 0), 0u) << korean.out;
  const Outcome english = moesim_run("explain expert");
  EXPECT_EQ(english.out.rfind("expert\n  A small feed-forward network", 0), 0u) << english.out;
  EXPECT_FALSE(has_hangul(english.out));
  EXPECT_EQ(moesim_run("explain 전문가").out, korean.out);
  EXPECT_EQ(moesim_run("explain 전문가 --lang en").out, english.out);
  EXPECT_EQ(moesim_run("explain --lang en EXPERT").out, english.out);
  EXPECT_EQ(moesim_run("explain 활성 파라미터").out, moesim_run("explain active_params --lang ko").out);
  EXPECT_EQ(moesim_run("explain load CV").out, moesim_run("explain load_cv").out);
  EXPECT_EQ(moesim_run("explain dense, same active").out, moesim_run("explain dense_same_active").out);
  // Keys, routers and formulas have one description, in English.
  EXPECT_EQ(moesim_run("explain layer.d_model --lang ko").out, moesim_run("explain layer.d_model").out);
  EXPECT_EQ(moesim_run("explain DeepSeek-V3 --lang ko").out, moesim_run("explain deepseek_v3").out);
  const Outcome wrong = moesim_run("explain expert --lang kr");
  EXPECT_EQ(wrong.status, 64);
  EXPECT_EQ(wrong.err,
            "--lang: error: got 'kr'; expected one of en, ko [bad-option]\n  help: did you mean 'ko'?\n");
  EXPECT_EQ(moesim_run("explain --lang fr").status, 64);
  EXPECT_EQ(moesim_run("explain --lang ''").status, 64);
  const Outcome unknown = moesim_run("explain 전문기");
  EXPECT_EQ(unknown.status, 64);
  EXPECT_NE(unknown.err.find("help: '전문가'입니까?"), std::string::npos) << unknown.err;
  for (const std::string& text : {english.out, korean.out, moesim_run("explain letters --lang ko").out}) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(display_width(line), 100) << line;
    }
  }
}

// The words of README.ko.md as it writes them.
TEST(CommandLine, ExplainKnowsTheWordsOfTheKoreanPageAndSaysInKoreanWhatItDoesNotKnow) {
  const std::pair<const char*, const char*> words[] = {{"밀집", "밀집 층 (dense layer)\n"},
                                                       {"층", "층 (Transformer layer)\n"},
                                                       {"바이어스", "선택 바이어스 (expert_bias)\n"},
                                                       {"우연", "잡음 바닥 (noise_floor)\n"},
                                                       {"잔차", "잔차 연결 (residual stream)\n"},
                                                       {"구간", "신뢰 구간 (interval)\n"},
                                                       {"손실", "부하 균형 손실 (balancing loss)\n"},
                                                       {"균형", "부하 균형 (load balance)\n"},
                                                       {"행", "토큰 (token)\n"},
                                                       {"계수", "용량 (capacity)\n"},
                                                       {"프리셋", "kind\n"}};
  for (const auto& [word, heading] : words) {
    const Outcome known = moesim_run(std::string("explain ") + word);
    EXPECT_EQ(known.out.rfind(heading, 0), 0u) << word << known.out << known.err;
  }
  // Another word of two syllables is no slip of the pen, though its bytes are near.
  const Outcome unknown = moesim_run("explain 계절");
  EXPECT_EQ(unknown.status, 64);
  EXPECT_EQ(unknown.err.find("입니까?"), std::string::npos) << unknown.err;
  EXPECT_NE(unknown.err.find("모르는 낱말"), std::string::npos) << unknown.err;
  EXPECT_NE(unknown.err.find("moesim explain --lang ko"), std::string::npos) << unknown.err;
  EXPECT_TRUE(has_hangul(moesim_run("explain nonsense --lang ko").err));
  EXPECT_FALSE(has_hangul(moesim_run("explain nonsense").err));
  EXPECT_NE(moesim_run("explain 빵빵빵 --lang en").err.find("nothing is known as"), std::string::npos);
}

TEST(CommandLine, ExplainSaysOfAKeyOnceWhatManySectionsSay) {
  const std::string text = moesim_run("explain router.top_k").out;
  EXPECT_NE(text.find("\n  in router (kinds: "), std::string::npos) << text;
  std::set<std::string> seen;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.find("; expected ") == std::string::npos ? line.size() : 0, 100u) << line;
    EXPECT_TRUE(line.find("; expected ") == std::string::npos || seen.insert(line).second) << line;
  }
  EXPECT_NE(text.find("token_choice"), std::string::npos) << text;
  EXPECT_EQ(moesim_run("explain layer.d_ff").out.rfind("layer: d_ff\n", 0), 0u);
}

TEST(CommandLine, ExplainListsItsWords) {
  const std::string english = on_one_line(moesim_run("explain").out);
  const std::string korean = on_one_line(moesim_run("explain --lang ko").out);
  EXPECT_FALSE(has_hangul(english));
  EXPECT_EQ(korean.rfind("moesim explain 낱말 --lang ko: ", 0), 0u);
  for (const ExplanationTheme& theme : explanation_themes()) {
    EXPECT_NE(english.find(theme.en), std::string::npos) << theme.en;
    EXPECT_NE(korean.find(theme.ko), std::string::npos) << theme.ko;
    for (const Explanation& entry : theme.entries) {
      EXPECT_NE(english.find(" " + std::string(entry.word)), std::string::npos) << entry.word;
      const std::string both = std::string(entry.korean) + " (" + std::string(entry.word) + ")";
      EXPECT_NE(korean.find(entry.korean.empty() ? std::string(entry.word) : both), std::string::npos)
          << both;
    }
  }
}

}  // namespace
}  // namespace moesim
