// The binary through its command line: streams, exit statuses, formats.

#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/moesim_run.h"

namespace moesim {
namespace {

TEST(CommandLine, HelpVersionAndNothing) {
  const Outcome help = moesim_run("--help");
  EXPECT_EQ(help.status, 0);
  EXPECT_NE(help.out.find("run"), std::string::npos);
  EXPECT_LE(std::count(help.out.begin(), help.out.end(), '\n'), 40);
  EXPECT_EQ(help.err, "");
  EXPECT_EQ(moesim_run("").status, 0);
  const Outcome version = moesim_run("--version");
  EXPECT_EQ(version.status, 0);
  for (const char* word : {"moesim 0.", "compiler", "arch", "eigen", "oneTBB"}) {
    EXPECT_NE(version.out.find(word), std::string::npos) << word;
  }
  for (const char* command : {"run", "validate", "routers", "balance", "explain"}) {
    EXPECT_EQ(moesim_run(std::string(command) + " --help").status, 0) << command;
  }
}

TEST(CommandLine, WrongNamesSayWhatToType) {
  const std::pair<const char*, const char*> help_for[] = {
      {"run quickstart --set router.preset=qwen3", "did you mean 'qwen3_moe' or 'qwen3_moe_torchtitan'?"},
      {"run quickstart --set router.preset=deepseek_v3_", "…? 'moesim routers' lists them all"},
      {"run quickstart --set router.preset=mixtrla", "did you mean 'mixtral'?"},
      {"run quickstart --set router.preset=zzzz", "'moesim routers' lists them all"},
      {"run quickstart --set router.kind=top_k", "write kind: token_choice"},
      {"run quickstart --set router.kind=mixtral", "write preset: mixtral"},
      {"run quickstart --set baselines=x", "write baselines: [dense_same_active]"},
      {"run quickstart --set baselines=dense_same_totl", "write baselines: [dense_same_total]"},
      {"route --preset mixtral --logits l.npy", "add --out routed"},
      {"quickstart", "moesim run quickstart"}};
  for (const auto& [line, help] : help_for) {
    const Outcome wrong =
        moesim_run(std::string(line) + (line[0] == 'r' && line[1] == 'u' ? " --dry-run" : ""));
    EXPECT_NE(wrong.status, 0) << line;
    EXPECT_NE(wrong.err.find(std::string("help: ")), std::string::npos) << line << "\n" << wrong.err;
    EXPECT_NE(wrong.err.find(help), std::string::npos) << line << "\n" << wrong.err;
  }
}

TEST(CommandLine, QuickstartRunsInAnyFolderAndShowsWords) {
  const Outcome run = moesim_run("run quickstart --set workload.chunk_tokens=16" + kQuick);
  EXPECT_EQ(run.status, 0) << run.err;
  for (const char* word :
       {"WHERE EACH WORD WENT", "LOAD", "BALANCE", "THROUGHPUT", "tokens/s through one layer", "PARAMETERS",
        "IN WORDS", "untrained gate:", "next"}) {
    EXPECT_NE(run.out.find(word), std::string::npos) << word << "\n" << run.out;
  }
  EXPECT_NE(run.out.find("english"), std::string::npos);
  EXPECT_NE(run.out.find("korean"), std::string::npos);
  EXPECT_EQ(run.out.find('\033'), std::string::npos) << "no colour into a file";
}

TEST(CommandLine, JsonIsOneObjectWithThePromisedNamesAndNothingElse) {
  const Outcome run = moesim_run("run quickstart -o json" + kQuick);
  ASSERT_EQ(run.status, 0) << run.err;
  const nlohmann::json object = nlohmann::json::parse(run.out);
  for (const char* name : {"p.layer.num_experts",
                           "p.router.top_k",
                           "m.tokens_per_s",
                           "m.tokens_per_s.lo",
                           "m.tokens_per_s.hi",
                           "m.dense_same_active.tokens_per_s",
                           "m.dense_same_total.tokens_per_s",
                           "m.yardstick_ratio",
                           "m.max_violation",
                           "m.load_cv",
                           "m.load_gini",
                           "m.load_entropy",
                           "m.noise_floor.max_violation",
                           "m.dropped_fraction",
                           "m.active_params",
                           "m.total_params",
                           "m.computed_rows_fraction",
                           "m.flops_per_token",
                           "m.weight_bytes",
                           "m.peak_rss_bytes",
                           "m.routing_hash",
                           "m.output_hash",
                           "measure.weights",
                           "measure.effective_cores",
                           "timing.verdict"}) {
    EXPECT_TRUE(object.contains(name)) << name;
  }
  EXPECT_EQ(object["p.layer.num_experts"], 8);
  EXPECT_EQ(object["p.router.top_k"], 2);
  EXPECT_EQ(object["m.total_params"], 8 * 256 + 8 * 3 * 256 * 32);
  EXPECT_EQ(object["m.active_params"], 8 * 256 + 2 * 3 * 256 * 32);
}

TEST(CommandLine, EveryFormatAndFile) {
  const TempFolder folder;
  std::string files;
  for (const char* ending : {"txt", "md", "csv", "json", "jsonl"}) {
    files += " --out " + folder.file(std::string("r.") + ending);
  }
  const Outcome run = moesim_run("run quickstart -o jsonl" + kQuick + files);
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 1);
  EXPECT_TRUE(nlohmann::json::accept(read_all(folder.file("r.json"))));
  EXPECT_EQ(read_all(folder.file("r.jsonl")), run.out);
  const std::string csv = read_all(folder.file("r.csv"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 2);
  EXPECT_EQ(read_all(folder.file("r.md")).rfind("| name | value |", 0), 0u);
  EXPECT_NE(read_all(folder.file("r.txt")).find("THROUGHPUT"), std::string::npos);
  const Outcome wrong = moesim_run("run quickstart --out r.xml" + kQuick);
  EXPECT_EQ(wrong.status, 64);
  EXPECT_NE(
      wrong.err.find("got the ending '.xml'; expected a name that ends in .csv, .json, .jsonl, .md, .txt"),
      std::string::npos)
      << wrong.err;
}

TEST(CommandLine, WrongUsageSaysWhatWasMeant) {
  const Outcome option = moesim_run("run quickstart --ouptut json");
  EXPECT_EQ(option.status, 64);
  EXPECT_EQ(option.err,
            "moesim run: error: unknown option '--ouptut' [bad-option]\n  help: did you mean '--output'?\n");
  const Outcome command = moesim_run("rnu quickstart");
  EXPECT_EQ(command.status, 64);
  EXPECT_EQ(command.err, "moesim: error: unknown command 'rnu' [bad-option]\n  help: did you mean 'run'?\n");
  for (const char* threads : {"-1", "0", "two", "1.5", "010", "nan", "18446744073709551615"}) {
    const Outcome bad = moesim_run(std::string("run quickstart --threads ") + threads);
    EXPECT_EQ(bad.status, 64) << threads;
    EXPECT_NE(bad.err.find(std::string("--threads: error: got '") + threads +
                           "'; expected a whole number from 1 to 1024 [bad-option]"),
              std::string::npos)
        << bad.err;
  }
  EXPECT_EQ(moesim_run("validate quickstart --set seed=9223372036854775807").status, 0);
  const Outcome seed = moesim_run("validate quickstart --set seed=9223372036854775808");
  EXPECT_NE(seed.err.find("expected a whole number from 0 to 9223372036854775807 [out-of-range]"),
            std::string::npos)
      << seed.err;
  EXPECT_EQ(moesim_run("run quickstart --budget nan").status, 64);
  EXPECT_EQ(moesim_run("run quickstart -o xml").status, 64);
  const Outcome nothing = moesim_run("run");
  EXPECT_EQ(nothing.status, 64);
  EXPECT_EQ(nothing.err,
            "moesim run: error: no config given; expected a YAML file, or the name of a built-in one "
            "(quickstart, decode, ...; moesim run --help lists them) [missing-option]\n  help: moesim run "
            "quickstart\n");
  const Outcome schema = moesim_run("schema");
  EXPECT_EQ(schema.status, 64);
  EXPECT_EQ(schema.err,
            "moesim schema: error: no kind given; expected the kind of file: config [missing-option]\n"
            "  help: moesim schema config > moesim.schema.json\n");
  for (const char* line : {"run quickstart --report=a.html", "run quickstart --report a.html",
                           "sweep quickstart --report=a.html", "sweep quickstart --report a.html"}) {
    const Outcome valued = moesim_run(line);
    EXPECT_EQ(valued.status, 64) << line;
    EXPECT_EQ(valued.err,
              "--report: error: takes no value; expected --report alone [bad-option]\n"
              "  help: moesim report RUN --file FILE names the file of a stored run's report\n")
        << line;
  }
  EXPECT_NE(moesim_run("run quickstart --no-store=maybe").err.find("--no-store: error: takes no value"),
            std::string::npos);
  EXPECT_NE(moesim_run("run quickstart a.html").err.find("unknown argument 'a.html'"), std::string::npos);
  EXPECT_EQ(moesim_run("--color purple run quickstart").status, 64);
  EXPECT_EQ(moesim_run("run quickstart -o json --show-tokens 4").status, 64);
}

TEST(CommandLine, ExitStatusTellsWhatWentWrong) {
  const TempFolder folder;
  const Outcome missing = moesim_run("run no_such_file.yaml");
  EXPECT_EQ(missing.status, 66);
  const std::string help = moesim_run("run --help").out;
  for (const char* name : {"balance_controllers", "decode", "quickstart", "zero_compute_experts"}) {
    EXPECT_NE(missing.err.find(name), std::string::npos) << missing.err;
    EXPECT_NE(help.find(name), std::string::npos) << help;
  }
  EXPECT_EQ(moesim_run("validate " + folder.write("bad.yaml", "layer: {d_model: zero}\n")).status, 78);
  const Outcome huge = moesim_run("run quickstart --set layer.num_experts=1000000000");
  EXPECT_EQ(huge.status, 71);
  EXPECT_NE(huge.err.find("help: --set layer.num_experts="), std::string::npos) << huge.err;
  EXPECT_EQ(moesim_run("run quickstart --out /no/such/folder/r.json" + kQuick).status, 73);
  EXPECT_EQ(moesim_run("run quickstart -o json" + kQuick + " --out /dev/full").status, 64);
}

TEST(CommandLine, AFullDiskIsAnErrorNotSilence) {
  const std::string command = std::string(MOESIM_BINARY) + " --version >/dev/full 2>/dev/null";
  EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 74);
  const std::string run =
      std::string(MOESIM_BINARY) + " run quickstart -o json" + kQuick + " >/dev/full 2>/dev/null";
  EXPECT_EQ(WEXITSTATUS(std::system(run.c_str())), 74);
}

TEST(CommandLine, StandardErrorThatCannotBeWrittenChangesNoStatus) {
  const std::string command = std::string(MOESIM_BINARY) + " run no_such_file.yaml 2>/dev/full";
  EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 66);
}

TEST(CommandLine, AFileSizeLimitIsAnErrorToo) {
  const TempFolder folder;
  const std::string command = "ulimit -f 8; " + std::string(MOESIM_BINARY) + " run quickstart" + kQuick +
                              " --save-routing " + folder.file("r.csv") + " >/dev/null 2>&1";
  EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 74);
}

TEST(CommandLine, NamesFromTheCommandLineCannotTalkToTheTerminal) {
  EXPECT_EQ(moesim_run("explain '\x1b[31mred'").err.find('\x1b'), std::string::npos);
  EXPECT_EQ(moesim_run("routers '\x1b[31mred'").err.find('\x1b'), std::string::npos);
  EXPECT_EQ(moesim_run("run quickstart --threads '\x1b[31m'").err.find('\x1b'), std::string::npos);
}

TEST(CommandLine, ValidateResolvesEveryKeyWithItsOrigin) {
  const Outcome ok = moesim_run("validate quickstart");
  EXPECT_EQ(ok.status, 0);
  EXPECT_EQ(ok.out, "ok: quickstart (built in)\n");
  const Outcome resolved = moesim_run("validate quickstart --resolved --set router.top_k=4");
  EXPECT_EQ(resolved.status, 0);
  for (const char* word :
       {"router.top_k", "--set router.top_k=4", "default", "preset mixtral", "layer.d_model"}) {
    EXPECT_NE(resolved.out.find(word), std::string::npos) << word;
  }
  const nlohmann::json list = nlohmann::json::parse(moesim_run("validate quickstart -o json").out);
  EXPECT_GT(list.size(), 20u);
  const Outcome bad = moesim_run("validate quickstart --set router.topk=4");
  EXPECT_EQ(bad.status, 78);
  EXPECT_EQ(bad.err.rfind("--set router.topk=4: error: router.topk: unknown key", 0), 0u) << bad.err;
}

TEST(CommandLine, ValidateChecksEveryPointOfASweep) {
  const TempFolder folder;
  const std::string sweep = folder.write("s.yaml",
                                         "layer: {d_model: 32, d_ff: 32}\n"
                                         "workload: {kind: gaussian_clusters}\n"
                                         "router: {preset: mixtral}\n"
                                         "sweep: {layer.num_experts: [4, 8], router.top_k: [1, 2, 6]}\n");
  const Outcome bad = moesim_run("validate " + sweep);
  EXPECT_EQ(bad.status, 78);
  EXPECT_NE(bad.err.find("top_k"), std::string::npos) << bad.err;
  const Outcome ok =
      moesim_run("validate " + sweep + " --set 'sweep.where=router.top_k < layer.num_experts'");
  EXPECT_EQ(ok.status, 0) << ok.err;
  EXPECT_EQ(ok.out, "ok: " + sweep + ", a sweep of 5 points\n");
  const Outcome resolved = moesim_run("validate " + sweep + " --resolved");
  EXPECT_EQ(resolved.status, 78);
  EXPECT_NE(resolved.err.find("[sweep-section]"), std::string::npos) << resolved.err;
  EXPECT_EQ(moesim_run("validate " + sweep + " --resolved --set sweep=none").status, 0);
}

TEST(CommandLine, TheReadmeShowsTheMessagesOfAnExampleAsTheyAre) {
  const TempFolder folder;
  folder.write("bad.yaml",
               "name: bad\n"
               "layer:    {d_model: 64, d_ff: 64, num_experts: 8, activaton: relu}\n"
               "workload: {kind: gaussian_clusters, tokens: 4k}\n"
               "router:   {preset: mixtrl}\n"
               "capacity: {factor: -1}\n"
               "measure:  {budget_s: 6, budget_s: 7}\n");
  const std::string command =
      "cd " + folder.path() + " && " + MOESIM_BINARY + " run bad.yaml 2>" + folder.file("err");
  EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 78);
  const std::string readme = read_all(std::string(MOESIM_SOURCE_DIR) + "/README.md");
  const std::string messages = read_all(folder.file("err"));
  EXPECT_NE(readme.find("```text\n" + messages + "```"), std::string::npos) << messages;
}

TEST(CommandLine, SaveRoutingWritesEveryAssignment) {
  const TempFolder folder;
  const Outcome run = moesim_run("run quickstart" + kQuick + " --save-routing " + folder.file("r.csv"));
  ASSERT_EQ(run.status, 0) << run.err;
  const std::string csv = read_all(folder.file("r.csv"));
  EXPECT_EQ(csv.rfind("num_experts,step,layer,token,text,expert,weight,kept\n8,0,0,0,\"", 0), 0u);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 2 * 64 * 2);
  ASSERT_EQ(moesim_run("run quickstart" + kQuick + " --save-routing " + folder.file("r.jsonl")).status, 0);
  std::istringstream lines(read_all(folder.file("r.jsonl")));
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) {
    const nlohmann::json object = nlohmann::json::parse(line);
    EXPECT_LT(object.at("expert"), 8);
    EXPECT_TRUE(object.at("kept").is_boolean());
    ++count;
  }
  EXPECT_EQ(count, 2 * 64 * 2);
  EXPECT_EQ(moesim_run("run quickstart" + kQuick + " --save-routing r.txt").status, 64);
}

TEST(CommandLine, DryRunRunsNothingAndTellsTheCost) {
  const Outcome dry = moesim_run("run moe_vs_dense_large --dry-run");
  EXPECT_EQ(dry.status, 0) << dry.err;
  for (const char* word : {"dry run:", "TIME", "MEMORY", "dense_same_total", "experts", "budget 10 s"}) {
    EXPECT_NE(dry.out.find(word), std::string::npos) << word;
  }
}

TEST(CommandLine, DryRunIsARecordTooAndRefusesWhatItCannotDo) {
  const TempFolder folder;
  const Outcome dry = moesim_run("run quickstart --dry-run -o json --out " + folder.file("plan.csv"));
  EXPECT_EQ(dry.status, 0) << dry.err;
  const auto plan = nlohmann::json::parse(dry.out);
  EXPECT_EQ(plan["schema"], "moesim.forecast/1");
  EXPECT_GT(plan["f.moe.step_seconds"].get<double>(), 0);
  EXPECT_GT(plan["f.memory_bytes.experts"].get<std::int64_t>(), 0);
  EXPECT_EQ(plan["p.router.top_k"], 2);
  EXPECT_EQ(read_all(folder.file("plan.csv")).find("schema,name,config"), 0u);
  for (const std::string& option :
       {"--save-routing " + folder.file("r.csv"), std::string("--show-tokens 3")}) {
    const Outcome refused = moesim_run("run quickstart --dry-run " + option);
    EXPECT_EQ(refused.status, 64) << option;
    EXPECT_NE(refused.err.find("[no-effect]"), std::string::npos) << refused.err;
  }
}

TEST(CommandLine, OutputsAreCheckedBeforeAnythingIsRun) {
  const TempFolder folder;
  const std::string file = folder.file("x.csv");
  const auto refused = [](const std::string& options, int status, const std::string& text) {
    const Outcome outcome = moesim_run("run quickstart --budget 60 " + options);
    EXPECT_EQ(outcome.status, status) << options;
    EXPECT_TRUE(outcome.out.empty()) << options;
    EXPECT_NE(outcome.err.find(text), std::string::npos) << outcome.err;
  };
  refused("--out " + file + " --out " + folder.file("./x.csv"), 64, "the same file as --out");
  refused("--out " + file + " --save-routing " + file, 64, "the same file as --save-routing");
  refused("--save-routing r.txt", 64, "help: --save-routing r.csv");
  refused("--out r", 64, "help: --out r.json");
  refused(
      "--out .json", 64,
      "--out .json: error: got an ending without a name; expected a name that ends in .csv, .json, .jsonl, "
      ".md, .txt [bad-option]\n  help: --out result.json");
  refused("--out " + folder.file(".csv"), 64, "help: --out " + folder.file("result.csv"));
  refused("--save-routing " + file + " --set 'router={kind: soft}' --set capacity=none", 64,
          "--save-routing: error: has no effect with a soft router, which assigns no tokens; expected "
          "another router "
          "[no-effect]");
  refused("--out " + folder.file("none/r.json"), 73, "[cannot-create]");
  refused("--save-routing " + folder.file("none/r.csv"), 73, "[cannot-create]");
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(CommandLine, ShowTokensSharesThemAmongTheFilesAndFinishesCharacters) {
  const Outcome words =
      moesim_run("run quickstart --show-tokens 30" + kQuick + " --set workload.chunk_tokens=16");
  std::size_t english = 0;
  for (std::size_t at = words.out.find("\n  english "); at != std::string::npos;
       at = words.out.find("\n  english ", at + 1)) {
    ++english;
  }
  EXPECT_EQ(english, 10u) << words.out;
  const Outcome bytes =
      moesim_run("run workload_text_bytes --show-tokens 4 --budget 0 --set workload.steps=1");
  EXPECT_EQ(bytes.status, 0) << bytes.err;
  EXPECT_NE(bytes.out.find("3/3"), std::string::npos) << bytes.out;
}

TEST(CommandLine, CtrlCEndsTheMeasurementAndShowsWhatThereIs) {
  const TempFolder folder;
  std::string out;
  int status = 0;
  for (const char* seconds : {"3", "10", "30"}) {  // a slow build needs a while to get to the measuring
    const std::string command =
        "timeout --preserve-status -s INT " + std::string(seconds) + " " + MOESIM_BINARY +
        " run quickstart --no-store --budget 90 --set workload.tokens=32 --set "
        "workload.steps=1 --set layer.d_ff=16 --set baselines=none --set measure.target=0.0001 -o json >" +
        folder.file("out") + " 2>/dev/null";
    status = WEXITSTATUS(std::system(command.c_str()));
    out = read_all(folder.file("out"));
    if (!out.empty()) {
      break;
    }
  }
  EXPECT_EQ(status, 130);
  const auto record = nlohmann::json::parse(out);
  EXPECT_NE(record["timing.reasons"].get<std::string>().find("stopped by Ctrl-C after"), std::string::npos)
      << record["timing.reasons"];
}

TEST(CommandLine, EveryBuiltInConfigRuns) {
  for (const auto& entry : std::filesystem::directory_iterator(std::string(MOESIM_SOURCE_DIR) + "/configs")) {
    if (entry.path().extension() != ".yaml") {
      continue;
    }
    if (read_all(entry.path()).find("${MOESIM_DATA}") != std::string::npos) {  // runs where the data is
      const Outcome without = moesim_run("validate " + entry.path().string());
      EXPECT_EQ(without.status, 66) << entry.path();
      EXPECT_NE(without.err.find("[data-missing]"), std::string::npos) << without.err;
      continue;
    }
    const Outcome check = moesim_run("validate " + entry.path().string());
    EXPECT_EQ(check.status, 0) << entry.path() << "\n" << check.err;
    if (read_all(entry.path()).find("\n  controllers:") != std::string::npos) {  // for a closed loop
      const Outcome loop = moesim_run("balance " + entry.path().string() + " -o json --set balance.steps=3");
      EXPECT_EQ(loop.status, 0) << entry.path() << "\n" << loop.err;
      EXPECT_TRUE(nlohmann::json::accept(loop.out)) << entry.path();
      continue;
    }
    const Outcome run = moesim_run("run " + entry.path().string() +
                                   " -o json --budget 0 --set measure.min_samples=1 --set workload.steps=1" +
                                   (entry.path().stem() == "moe_vs_dense_large"
                                        ? " --set workload.tokens=32 --set baselines=none"
                                        : ""));
    EXPECT_EQ(run.status, 0) << entry.path() << "\n" << run.err;
    EXPECT_TRUE(nlohmann::json::accept(run.out)) << entry.path();
  }
}

TEST(CommandLine, TheSameTextInEighteenLanguagesRuns) {
  const char* data = std::getenv("MOESIM_DATA");
  if (data == nullptr) {
    GTEST_SKIP() << "skipped: data not present";
  }
  const Outcome run = moesim_run("run " MOESIM_SOURCE_DIR
                                 "/configs/eighteen_languages.yaml --no-store -o json "
                                 "--budget 0 --set measure.min_samples=1 --set "
                                 "'workload.files=[" +
                                 std::string(data) + "/corpora/udhr/*.txt]'");
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_TRUE(nlohmann::json::accept(run.out));
}

// What a run proposes next keeps what was set.
TEST(CommandLine, TheNextCommandIsThatOfTheSameExperiment) {
  const Outcome run = moesim_run(
      "run quickstart --budget 0 --set router.top_k=1 --seed 3 --set baselines=none --set workload.steps=1 "
      "--set workload.tokens=64 --set measure.min_samples=1 --no-store --set capacity=none");
  ASSERT_EQ(run.status, 0) << run.err;
  const std::size_t next = run.out.find("\nnext ");
  ASSERT_NE(next, std::string::npos) << run.out;
  const std::string line = run.out.substr(next + 1, run.out.find('\n', next + 1) - next - 1);
  EXPECT_NE(line.find(" run quickstart "), std::string::npos) << line;
  EXPECT_NE(line.find("--set seed=3"), std::string::npos) << line;
  EXPECT_NE(line.find("--set capacity=none"), std::string::npos) << line;
  const Outcome again = moesim_run(
      line.substr(line.find(" run ") + 1, line.find("    (") - line.find(" run ") - 1) + " --no-store");
  EXPECT_EQ(again.status, 0) << line << again.err;
}

}  // namespace
}  // namespace moesim
