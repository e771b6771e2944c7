// The words of `moesim explain`: in both languages, and every word that errors, results, screens and the
// glossary use.

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "cli/explanations.h"
#include "cli/moesim_run.h"
#include "cli/recorded_csv.h"
#include "core/error.h"
#include "io/npy.h"
#include "io/recording.h"
#include "support/moe_models.h"

namespace moesim {
namespace {

using Words = std::set<std::string>;

const std::string kSource = MOESIM_SOURCE_DIR;
const std::string kConfigs = kSource + "/configs/";

bool is_explained(const std::string& word, Language language = Language::en) {
  try {
    return !explain_word(word, language).empty();
  } catch (const Error&) {
    return false;
  }
}

void expect_explained(const Words& words, const std::string& where) {
  for (const std::string& word : words) {
    EXPECT_TRUE(is_explained(word)) << "'" << word << "' of " << where;
  }
}

std::string trimmed(const std::string& text) {
  const std::size_t first = std::min(text.find_first_not_of(' '), text.size());
  const std::size_t end = text.find_last_not_of(' ');
  return end == std::string::npos ? "" : text.substr(first, end + 1 - first);
}

// Parts between runs of at least `blanks` blanks.
std::vector<std::string> split_wide(const std::string& line, std::size_t blanks) {
  const std::string gap(blanks, ' ');
  std::vector<std::string> parts;
  std::string rest = trimmed(line);
  while (!rest.empty()) {
    const std::size_t at = std::min(rest.find(gap), rest.size());
    parts.push_back(trimmed(rest.substr(0, at)));
    rest = trimmed(rest.substr(at));
  }
  return parts;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

TEST(Words, EveryEntryHasBothLanguages) {
  std::size_t seen = 0;
  for (const ExplanationTheme& theme : explanation_themes()) {
    EXPECT_TRUE(has_hangul(theme.ko)) << theme.en;
    for (const Explanation& entry : theme.entries) {
      ++seen;
      EXPECT_GE(entry.en.size(), 10u) << entry.word;
      EXPECT_GE(entry.ko.size(), 10u) << entry.word;
      EXPECT_FALSE(has_hangul(entry.en)) << entry.word;
      EXPECT_TRUE(has_hangul(entry.ko)) << entry.word;
      EXPECT_TRUE(entry.korean.empty() || has_hangul(entry.korean)) << entry.word;
      for (const std::string_view text : {entry.en, entry.ko}) {
        EXPECT_TRUE(text.ends_with(".") || text.ends_with(".)")) << entry.word << ": " << text;
        EXPECT_EQ(text.find("  "), std::string_view::npos) << entry.word;
      }
    }
  }
  EXPECT_GT(seen, 200u);
  static_assert(has_hangul("ab 가 c") && has_hangul("힣") && !has_hangul("±η ≥ 中 ㅏ"));
}

// No name leads to another entry than its own.
TEST(Words, EveryNameLeadsToItsEntry) {
  for (const ExplanationTheme& theme : explanation_themes()) {
    for (const Explanation& entry : theme.entries) {
      for (const std::string& name : names_of(entry)) {
        const Explanation* found = find_explanation(name);
        ASSERT_NE(found, nullptr) << name;
        EXPECT_EQ(found->word, entry.word) << name;
        EXPECT_TRUE(is_explained(name, Language::ko)) << name;
      }
    }
  }
}

TEST(Words, AreFoundHoweverTheyAreWritten) {
  const auto leads = [](const char* name, const char* word) {
    const Explanation* found = find_explanation(name);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_EQ(found->word, word) << name;
  };
  leads("LOAD cv", "load_cv");
  leads("No Effect", "no-effect");
  leads("maxvio", "max_violation");
  leads("Experts", "expert");
  leads("e15", "expert");
  leads("MoE top-8", "top-k");
  leads("dense, same total", "dense_same_total");
  leads("활성파라미터", "active_params");
  leads("활성 파라미터", "active_params");
  leads("전문가", "expert");
  for (const char* none : {"", "0", "load_cvx", "load cv lo", "전문", "가"}) {
    EXPECT_EQ(find_explanation(none), nullptr) << none;
  }
  for (const char* none : {"measure.nonsense", "m.", "a.m.", ".", "|", "\xff", "-"}) {
    EXPECT_FALSE(is_explained(none)) << none;
  }
}

// Dashed words in brackets, and those that stand alone in quotes: as the short name of a Diagnostic.
Words short_names() {
  // Quoted or in brackets, but not errors.
  Words others = {"short-name", "gate-bias",     "token-ids",     "re-routed",
                  "a-z",        "router-logits", "forward-token", "simllm-preplay-trace-v1"};
  for (const RecordingForm& form : recording_forms()) {
    others.insert(form.name);
  }
  const std::regex name(R"re(\[([a-z]+(?:-[a-z]+[0-9]*)+)\]|"([a-z]+(?:-[a-z]+[0-9]*)+)")re");
  Words names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kSource + "/src")) {
    const std::string file = entry.path().filename().string();
    if (entry.path().extension() != ".cpp" || file.rfind("words_", 0) == 0) {
      continue;
    }
    const bool of_charts = entry.path().parent_path().filename() == "page";  // whose quoted words name charts
    const std::string text = read_all(entry.path().string());
    for (auto at = std::sregex_iterator(text.begin(), text.end(), name); at != std::sregex_iterator(); ++at) {
      if ((*at)[1].matched || !of_charts) {
        names.insert((*at)[1].matched ? (*at)[1] : (*at)[2]);
      }
    }
  }
  for (const std::string& other : others) {
    names.erase(other);
  }
  return names;
}

TEST(Words, KnowEveryShortNameOfAnErrorAndNoOther) {
  const Words names = short_names();
  EXPECT_GE(names.size(), 45u);
  Words known;
  for (const Explanation& entry : error_words()) {
    known.insert(std::string(entry.word));
  }
  for (const std::string& name : names) {
    EXPECT_EQ(known.count(name), 1u) << name;
  }
  known.erase("internal");  // the one without a dash
  for (const std::string& name : known) {
    EXPECT_EQ(names.count(name), 1u) << name << " is the short name of no error";
  }
}

// Every part of the names of numbers: "dense_same_active", "tokens_per_s" and "lo".
void add_parts(const nlohmann::json& row, Words& parts) {
  for (const auto& [name, value] : row.items()) {
    if (name.rfind("p.", 0) == 0) {
      continue;  // keys of configs
    }
    std::istringstream stream(name);
    for (std::string part; std::getline(stream, part, '.');) {
      if (part != "m" && part.find_first_not_of("0123456789") != std::string::npos) {
        parts.insert(part);
      }
    }
  }
}

TEST(Words, KnowEveryNumberOfAResult) {
  const std::string all_dense =
      " --set 'baselines=[dense_same_active, dense_same_total, dense_same_flops, dense_same_time]'";
  Words parts;
  const TempFolder folder;
  write_recording(folder.file("a.csv"), 90);
  write_recording(folder.file("b.csv"), 60);
  for (const std::string& command :
       {"trace stats " + folder.file("a.csv") + " " + folder.file("b.csv"),
        "run quickstart" + all_dense + kQuick, "run " + kConfigs + "stack_of_layers.yaml" + kQuick,
        "sweep quickstart -p router.top_k=1,2" + kQuick, "compare quickstart --set-b router.top_k=1" + kQuick,
        "balance " + kConfigs + "balance_controllers.yaml --set balance.steps=3",
        "balance " + kConfigs + "balance_controllers.yaml --set balance.steps=3 --by-step",
        std::string("models mixtral-8x7b"), std::string("doctor")}) {
    const Outcome outcome = moesim_run(command + " -o json");
    const nlohmann::json result = nlohmann::json::parse(outcome.out, nullptr, false);
    ASSERT_FALSE(result.is_discarded()) << command << outcome.err;
    for (const nlohmann::json& row : result.is_array() ? result : nlohmann::json::array({result})) {
      add_parts(row, parts);
    }
  }
  EXPECT_GT(parts.size(), 120u);
  expect_explained(parts, "a result");
}

// The first column of its tables: "d_model, d_ff", "max_violation (MaxVio)", "compare, live".
Words words_of_glossary(const std::string& glossary) {
  Words words;
  for (const std::string& line : lines_of(glossary)) {
    if (line.rfind("| ", 0) != 0 || line.rfind("| word", 0) == 0 || line.rfind("| name", 0) == 0) {
      continue;
    }
    std::string cell = trimmed(line.substr(2, line.find(" | ", 2) - 2));
    words.insert(cell);
    std::replace(cell.begin(), cell.end(), '(', ',');
    std::replace(cell.begin(), cell.end(), ')', ' ');
    std::istringstream parts(cell);
    for (std::string part; std::getline(parts, part, ',');) {
      words.insert(trimmed(part));
    }
  }
  words.erase("d_model, d_ff");  // pairs: each half counts
  words.erase("logits, scores");
  words.erase("dispatch, combine");
  words.erase("routed_per_expert, tokens_per_expert");
  words.erase("warm, cold");
  words.erase("max_violation (MaxVio)");
  return words;
}

TEST(Words, KnowTheGlossary) {
  const std::string glossary = read_all(kSource + "/docs/glossary.md");
  const Words words = words_of_glossary(glossary);
  EXPECT_GT(words.size(), 55u);
  expect_explained(words, "docs/glossary.md");
  // What its text explains: "Slot: …".
  const std::regex term(R"((?:^|\n|\. |; )([A-Za-z_]+(?: [a-z]+){0,2}): )");
  Words terms;
  for (auto at = std::sregex_iterator(glossary.begin(), glossary.end(), term); at != std::sregex_iterator();
       ++at) {
    terms.insert((*at)[1]);
  }
  terms.erase("All formulas");
  EXPECT_GE(terms.size(), 12u);
  for (const char* word : {"Slot", "pass_through", "Tied", "MinVio", "Bias unit", "Devices", "f_i"}) {
    EXPECT_EQ(terms.count(word), 1u) << word << " is not in the text any more";
  }
  expect_explained(terms, "the text of docs/glossary.md");
}

TEST(Words, KnowWhatAStudentAsks) {
  for (const char* word : {"token",      "gate",     "expert",   "top-k",         "active parameters",
                           "batch",      "softmax",  "logit",    "prefill",       "total parameters",
                           "decode",     "capacity", "drop",     "load balance",  "dense layer",
                           "router",     "FLOPs",    "warm",     "cold",          "throughput",
                           "fair share", "dropless", "chance",   "multiply-adds", "noise floor",
                           "scaling",    "reads",    "roofline", "kernels",       "MoE",
                           "토큰",       "게이트",   "전문가",   "라우터",        "활성 파라미터",
                           "용량",       "부하",     "로짓",     "처리량",        "전체 파라미터"}) {
    EXPECT_TRUE(has_hangul(explain_word(word, Language::ko))) << word;
    EXPECT_TRUE(is_explained(word)) << word;
  }
}

// "gate 1.2 %", "of its limit", "experts 0.72 (arithmetic)", "dense, same active: 0.69 of its limit".
void add_labelled(const std::string& line, Words& labels) {
  static const std::regex words_in_brackets(R"(\(([a-z][a-z ]+)\))");
  for (const std::string& part : split_wide(line, 3)) {
    labels.insert(trimmed(part.substr(0, part.find_first_of("0123456789(:"))));
    std::smatch found;
    if (std::regex_search(part, found, words_in_brackets)) {
      labels.insert(found[1]);
    }
  }
}

// Headings, labels of lines and of rows, and heads of columns.
Words labels_of(const std::string& screen) {
  static const std::regex heading("^([A-Z][A-Z ]*[A-Z])(  |$)");
  static const std::regex label("^([a-zA-Z]+) {2,}");
  static const std::regex row("^ {2}(> )?([A-Za-z]\\S*( \\S+)*) {2,}\\S");
  static const std::regex fitness("^ {2}(ok|unfit|remark|unknown) +([a-z_]+) ");
  static const std::regex timing("^(timing) ([a-z_]+)");
  static const std::set<std::string> of_rows = {"BALANCE", "THROUGHPUT", "config", "routing", "where"};
  Words labels;
  std::string section;
  for (const std::string& line : lines_of(screen)) {
    std::smatch found;
    if (std::regex_search(line, found, heading) || std::regex_search(line, found, label)) {
      section = found[1];
      labels.insert(section);
    } else if (std::regex_search(line, found, timing) || std::regex_search(line, found, fitness)) {
      labels.insert(found[1]);
      labels.insert(found[2]);
    } else if (section == "PARAMETERS" || section == "WHERE THE TIME GOES") {
      add_labelled(line, labels);
    } else if (line.find("tokens/s  vs same active") != std::string::npos ||
               line.find("  step 0 ") != std::string::npos) {
      for (const std::string& head : split_wide(line, 2)) {
        labels.insert(head);
      }
    } else if (of_rows.count(section) > 0 && std::regex_search(line, found, row)) {
      labels.insert(found[2]);
    }
  }
  labels.erase("");
  return labels;
}

TEST(Words, KnowWhatScreensSay) {
  const TempFolder folder;
  write_recording(folder.file("recorded.csv"), 90);
  const std::string route =
      "route --logits " + kSource + "/experiments/same_model_different_stacks/logits.npy --preset ";
  testing::ModelMaker({}).make("mixtral").write(folder.file("m"));
  Matrix x(1, 24);
  x.fill(1.0F);
  write_npy(folder.file("x.npy"), x.view());
  const std::pair<std::string, Words> screens[] = {
      {"inspect " + folder.file("m"), {"files", "model", "block", "names", "weights", "active", "sizes"}},
      {"layer " + folder.file("m") + " --layer 0 --input " + folder.file("x.npy") + " --out " +
           folder.file("y.npy"),
       {"layer", "block", "routed", "balance", "near", "saved"}},
      {"run quickstart" + kQuick,
       {"WHERE EACH WORD WENT", "LOAD", "BALANCE", "load CV", "dropped", "THROUGHPUT", "MoE top-2",
        "PARAMETERS", "active per token", "with the experts really used", "WHERE THE TIME GOES", "gate",
        "experts", "of its limit", "IN WORDS", "invalid", "next", "saved"}},
      {"run " + kConfigs + "routing_only.yaml" + kQuick,
       {"routed", "WHERE EACH TOKEN WENT", "routing only", "never chosen", "plan", "bytes"}},
      {"run " + kConfigs + "zero_compute_experts.yaml" + kQuick, {"on ffn experts"}},
      {"run " + kConfigs + "balance_run.yaml" + kQuick, {"of the first step", "steered by"}},
      {"run " + kConfigs + "router_soft.yaml" + kQuick, {"LOAD"}},
      {"run quickstart --dry-run", {"TIME", "MEMORY"}},
      {"sweep quickstart -p router.top_k=1,2" + kQuick,
       {"sweep", "needs", "POINTS", "router.top_k", "tokens/s", "vs same active", "MaxVio", "timing"}},
      {"compare quickstart --set-b router.top_k=1" + kQuick,
       {"compare", "config", "router.top_k", "routing", "dead experts", "FLOPs a token", "speed"}},
      {"balance " + kConfigs + "balance_controllers.yaml --set balance.steps=3",
       {"CLOSED LOOP", "step 0", "45-55", "below 0.5", "dead", "score kept"}},
      {"models longcat-flash",
       {"PARAMETERS", "ACTIVE PARAMETERS", "ONE TOKEN", "WEIGHTS", "IN WORDS", "router"}},
      {"models --config " + kSource + "/tests/fuzz/corpus/hf_config/mixtral.json", {"READ FROM", "source"}},
      {"models", {"next"}},
      {"trace stats " + folder.file("recorded.csv"),
       {"RECORDED ROUTING", "LOAD", "SHAPE", "REPETITION", "DISTINCT EXPERTS", "PAIRS", "CACHE", "NEXT LAYER",
        "IMITATION"}},
      {"doctor", {"machine", "build", "unfit", "steal", "huge_pages", "verdict"}},
      {route + "mixtral --out " + folder.file("routed"), {"routed", "balance", "saved"}},
      {route + "switch --diff mixtral", {"differ", "where", "goes to", "logits", "scores", "weights"}},
  };
  for (const auto& [command, some] : screens) {
    const Outcome outcome = moesim_run("--color never " + command);
    const Words labels = labels_of(outcome.err + outcome.out);
    for (const std::string& word : some) {
      EXPECT_EQ(labels.count(word), 1u) << word << " is not on the screen of " << command << ":\n"
                                        << outcome.out;
    }
    expect_explained(labels, "the screen of " + command);
  }
}

}  // namespace
}  // namespace moesim
