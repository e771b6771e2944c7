// moesim completion: the scripts know every command and option that the help knows, and real shells take
// them.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "cli/moesim_run.h"

namespace moesim {
namespace {

using Words = std::vector<std::string>;

Words words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

// The commands that the help lists.
Words commands() {
  std::istringstream help(moesim_run("--help").out);
  Words names;
  bool listed = false;
  for (std::string line; std::getline(help, line);) {
    listed = line == "Subcommands:" || (listed && !line.empty());
    if (listed && line.rfind("  ", 0) == 0) {
      names.push_back(words_of(line).front());
    }
  }
  return names;
}

// What an option takes, from its line in the help: one blank stands before it, more before a description.
std::string type_in(const std::string& line) {
  const std::size_t end = line.find(' ', 2);
  return end + 1 < line.size() && line[end + 1] != ' ' ? words_of(line)[1] : "";
}

// Each option in the help of a command, and what it takes: "-o,--output table|md" is two names of one.
std::map<std::string, std::string> options(const std::string& command) {
  std::istringstream help(moesim_run(command + " --help").out);
  std::map<std::string, std::string> found;
  for (std::string line; std::getline(help, line);) {
    if (line.rfind("  -", 0) == 0) {
      std::istringstream names(words_of(line).front());
      for (std::string name; std::getline(names, name, ',');) {
        found[name] = type_in(line);
      }
    }
  }
  return found;
}

// What bash offers at the end of a line that readline has cut into these words.
Words offered(const std::string& words, const std::string& folder = "") {
  const TempFolder place;
  const TempFolder empty;
  const std::string script = place.write(
      "t.bash",
      "source " + place.file("moesim.bash") + "\nCOMP_WORDS=(" + words +
          ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_moesim\n((${#COMPREPLY[@]} == 0)) || printf '%s\\n' "
          "\"${COMPREPLY[@]}\"\n");
  place.write("moesim.bash", moesim_run("completion bash").out);
  const std::string command = "cd " + (folder.empty() ? empty.path() : folder) + " && bash --norc " + script +
                              " >" + place.file("out") + " 2>" + place.file("err");
  EXPECT_EQ(std::system(command.c_str()), 0) << words;
  EXPECT_EQ(read_all(place.file("err")), "") << words;
  std::istringstream lines(read_all(place.file("out")));
  Words replies;
  for (std::string line; std::getline(lines, line);) {
    replies.push_back(line);
  }
  return replies;
}

bool has(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
}

TEST(Completion, KnowsEveryCommandAndOptionOfTheHelp) {
  const Words names = commands();
  ASSERT_GE(names.size(), 14u);
  EXPECT_EQ(offered("moesim ''"), names);
  const std::string zsh = moesim_run("completion zsh").out;
  for (const std::string& name : names) {
    EXPECT_NE(zsh.find("\n      '" + name + ":"), std::string::npos) << name;
    const std::size_t begin = zsh.find("\n    " + name + ")\n");
    ASSERT_NE(begin, std::string::npos) << name;
    const std::string own = zsh.substr(begin, zsh.find(";;", begin) - begin);
    const Words replies = offered("moesim " + name + " -");
    const auto known = options(name);
    EXPECT_EQ(known.size(), replies.size()) << name;
    for (const auto& [option, type] : known) {
      EXPECT_TRUE(has(replies, option)) << name << " " << option;
      const std::string value = type.empty() ? "[" : option.rfind("--", 0) == 0 ? "=[" : "+[";
      EXPECT_NE(own.find(option + value), std::string::npos) << name << " " << option;
    }
  }
  EXPECT_TRUE(has(offered("moesim --"), "--color"));
  EXPECT_TRUE(has(offered("moesim --"), "--version"));
}

// What an option takes is a list of words, or a kind of value that completion knows or knows to be free.
TEST(Completion, KnowsTheKindOfEveryValue) {
  const std::set<std::string> kinds = {
      "CONFIG",   "FORM",      "MODEL",         "NAME",  "TEXT",       "COLUMN=VALUE,..", "PRESET",
      "ROUTER",   "TEMPLATE",  "WORD",          "FILE",  "DIR",        "KEY=VALUE",       "N",
      "DURATION", "CONDITION", "METRIC:CHANGE", "L.npy", "KEY=VALUES", "X.npy",           "Y.npy",
      "W.npy",    "B.npy",     "P.npy",         "I.npy", "M.npy"};
  for (const std::string& command : commands()) {
    for (const auto& [option, type] : options(command)) {
      std::istringstream parts(type);
      for (std::string part; std::getline(parts, part, '|');) {
        EXPECT_TRUE(kinds.count(part) == 1 || std::islower(static_cast<unsigned char>(part[0])) != 0)
            << command << " " << option << " " << part;
      }
    }
  }
}

// The words that the help lists are those that the command takes.
TEST(Completion, ChoicesAreThoseOfTheHelpAndOfTheProgram) {
  const std::pair<const char*, const char*> lines[] = {{"run quickstart", "--output"},
                                                       {"sweep quickstart", "-o"},
                                                       {"compare quickstart decode", "-o"},
                                                       {"balance quickstart", "-o"},
                                                       {"validate quickstart", "-o"},
                                                       {"route --preset mixtral", "-o"},
                                                       {"routers", "-o"},
                                                       {"models", "-o"},
                                                       {"doctor", "-o"},
                                                       {"report x", "--figures"},
                                                       {"explain expert", "--lang"},
                                                       {"", "--color"}};
  for (const auto& [line, option] : lines) {
    const std::string command = line;
    const Outcome wrong = moesim_run(command + " " + option + " nonsense");
    if (wrong.err.find("[no-report]") != std::string::npos) {
      continue;  // a build without it says so first
    }
    std::string expected;
    Words sorted = offered("moesim " + command + " " + option + " ''");
    EXPECT_GE(sorted.size(), 2u) << command;
    std::sort(sorted.begin(), sorted.end());
    for (const std::string& word : sorted) {
      expected += (expected.empty() ? "" : ", ") + word;
    }
    EXPECT_NE(wrong.err.find("expected one of " + expected + " [bad-option]"), std::string::npos)
        << wrong.err << expected;
  }
  EXPECT_EQ(offered("moesim schema ''"), Words{"config"});
  EXPECT_EQ(offered("moesim completion ''"), (Words{"bash", "fish", "zsh"}));
  EXPECT_EQ(moesim_run("completion tcsh").status, 64);
}

TEST(Completion, BashCompletesTheLineAsReadlineCutsIt) {
  EXPECT_EQ(offered("moesim run qu"), Words{"quickstart"});
  EXPECT_EQ(offered("moesim --color always run qu"), Words{"quickstart"});
  EXPECT_EQ(offered("moesim run --seed 4 qu"), Words{"quickstart"});
  EXPECT_EQ(offered("moesim run quickstart --dr"), Words{"--dry-run"});
  EXPECT_EQ(offered("moesim run quickstart --output = j"), (Words{"json", "jsonl"}));
  EXPECT_EQ(offered("moesim run quickstart --output=j"), (Words{"--output=json", "--output=jsonl"}));
  EXPECT_EQ(offered("moesim run --set router.top_"), (Words{"router.top_k=", "router.top_p="}));
  EXPECT_EQ(offered("moesim run --set router.kind = top"), Words{"top_any"});
  EXPECT_EQ(offered("moesim run --set router.kind=top"), Words{"router.kind=top_any"});
  EXPECT_EQ(offered("moesim run --set = router.kind = top"), Words{"top_any"});
  EXPECT_EQ(offered("moesim run --set router.preset = olm"), Words{"olmoe"});
  EXPECT_EQ(offered("moesim sweep quickstart -p layer.num_l"), Words{"layer.num_layers="});
  EXPECT_EQ(offered("moesim explain no-eff"), Words{"no-effect"});
  EXPECT_TRUE(has(offered("moesim routers deepseek_"), "deepseek_v3"));
  EXPECT_TRUE(has(offered("moesim models mixtral-"), "mixtral-8x7b"));
  EXPECT_EQ(offered("moesim init sw"), Words{"sweep"});
  EXPECT_EQ(offered("moesim run quickstart --seed ''"), Words{});
  EXPECT_EQ(offered("moesim nonsense ''"), Words{});
}

TEST(Completion, BashOffersFilesAndRunsNothing) {
  const TempFolder folder;
  folder.write("my own/a.yaml", "");
  EXPECT_EQ(offered("moesim run my", folder.path()), Words{"my own"});
  EXPECT_EQ(offered("moesim run 'my own/'", folder.path()), Words{"my own/a.yaml"});
  EXPECT_EQ(offered("moesim report my", folder.path()), Words{"my own"});
  EXPECT_EQ(offered("moesim report 'my own/'", folder.path()), Words{}) << "folders alone";
  EXPECT_EQ(offered("moesim run quickstart --out = my", folder.path()), Words{"my own"});
  for (const char* hostile : {"'$(touch evil)'", "'`touch evil`'", "'a[$(touch evil)]'", "'*'"}) {
    EXPECT_EQ(offered(std::string("moesim run ") + hostile, folder.path()), Words{}) << hostile;
    EXPECT_EQ(offered(std::string("moesim run --set ") + hostile + " =", folder.path()), Words{});
    EXPECT_EQ(offered(std::string("moesim ") + hostile + " ''", folder.path()), Words{});
  }
  EXPECT_FALSE(std::filesystem::exists(folder.file("evil")));
}

TEST(Completion, FishCompletesALine) {
  if (!is_installed("fish")) {
    GTEST_SKIP() << "no fish here";
  }
  const TempFolder folder;
  const std::string script = folder.write("moesim.fish", moesim_run("completion fish").out);
  folder.write("my.yaml", "");
  const auto offered = [&](const std::string& line) {
    const std::string command = "cd " + folder.path() + "; HOME=" + folder.path() +
                                " fish --no-config -c 'source " + script + "; complete -C \"" + line +
                                "\"' >out 2>err";
    EXPECT_EQ(std::system(command.c_str()), 0) << read_all(folder.file("err"));
    std::istringstream lines(read_all(folder.file("out")));
    std::set<std::string> words;
    for (std::string each; std::getline(lines, each);) {
      words.insert(each.substr(0, each.find('\t')));
    }
    return words;
  };
  using Set = std::set<std::string>;
  EXPECT_EQ(offered("moesim expl"), Set{"explain"});
  EXPECT_EQ(offered("moesim run quickst"), Set{"quickstart"});
  EXPECT_EQ(offered("moesim run my"), Set{"my.yaml"});
  EXPECT_EQ(offered("moesim run x --set router.kind=token_"), Set{"router.kind=token_choice"});
  EXPECT_EQ(offered("moesim sweep x -p layer.num_l"), Set{"layer.num_layers="});
  EXPECT_EQ(offered("moesim run x --output=jsonl"), Set{"--output=jsonl"});
  EXPECT_EQ(offered("moesim report x --figures p"), (Set{"pdf", "png"}));
  EXPECT_EQ(offered("moesim run x --dry"), Set{"--dry-run"});
  EXPECT_EQ(offered("moesim run x --seed "), Set{});
}

TEST(Manual, KnowsEveryCommandAndOption) {
  const std::string page = moesim_run("man").out;
  for (const std::string& command : commands()) {
    EXPECT_NE(page.find(".SS " + command + "\n"), std::string::npos) << command;
    for (const auto& [name, type] : options(command)) {
      std::string typed;
      for (const char c : name) {
        typed += c == '-' ? "\\-" : std::string(1, c);
      }
      EXPECT_NE(page.find("\\fB" + typed + "\\fR"), std::string::npos) << command << " " << name;
    }
  }
  if (is_installed("man") && is_installed("groff")) {
    const TempFolder folder;
    const std::string file = folder.write("moesim.1", page);
    EXPECT_EQ(std::system(("LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l " + file + " >/dev/null 2>" +
                           folder.file("err"))
                              .c_str()),
              0);
    EXPECT_EQ(read_all(folder.file("err")), "");
  }
}

// What an interactive zsh makes of a line and a tab.
TEST(Completion, ZshCompletesALine) {
  if (!is_installed("zsh")) {
    GTEST_SKIP() << "no zsh here";
  }
  const TempFolder folder;
  folder.write("functions/_moesim", moesim_run("completion zsh").out);
  EXPECT_EQ(std::system(("zsh -n " + folder.file("functions/_moesim")).c_str()), 0);
  const std::string script = folder.write("t.zsh", R"(
cd ${0:h}
zmodload zsh/zpty
TERM=dumb zpty shell zsh -f -i
zpty -w shell "PS1=; zle_highlight=(none); fpath=($PWD/functions \$fpath); autoload -U compinit; compinit -u -d $PWD/dump; print re'ady'"
expect() {
  local text part
  repeat 300; do
    while zpty -r -t shell part; do text+=$part; done
    [[ $text == *$1* ]] && return 0
    sleep 0.1
  done
  print -r -- "no $1 in: $text"
  return 1
}
expect ready || exit 1
for line wanted in \
    'moesim expl' 'explain ' \
    'moesim run quickst' 'quickstart ' \
    'moesim run x --set router.kind=token_' 'router.kind=token_choice ' \
    'moesim sweep x -p layer.num_l' 'layer.num_layers=' \
    'moesim run x --output=jsonl' '--output=jsonl ' \
    'moesim route --diff olmo' '--diff olmoe' \
    'moesim --color alw' 'always '; do
  zpty -w -n shell "$line"$'\t'
  expect "$wanted" || exit 1
  zpty -w -n shell $'\x15'
done
)");
  EXPECT_EQ(std::system(("zsh -f " + script).c_str()), 0);
}

}  // namespace
}  // namespace moesim
