// moesim init: starter configs that work as they are, and files that are never overwritten by surprise.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <sstream>

#include "cli/moesim_run.h"

namespace moesim {
namespace {

namespace fs = std::filesystem;

const char* const kTemplates[] = {"balance", "route", "run", "sweep", "text"};

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

TEST(Init, EveryTemplateIsAConfigThatWorks) {
  const TempFolder folder;
  std::set<std::string> files;
  for (const auto& entry : fs::directory_iterator(std::string(MOESIM_SOURCE_DIR) + "/configs/templates")) {
    files.insert(entry.path().stem().string());
  }
  EXPECT_EQ(files, std::set<std::string>(std::begin(kTemplates), std::end(kTemplates)));
  for (const std::string name : kTemplates) {
    const std::string file = folder.file(name + ".yaml");
    const Outcome init = moesim_run("init " + name + " --out " + file);
    ASSERT_EQ(init.status, 0) << init.err;
    EXPECT_NE(init.out.find("moesim " + (name == "text" ? "run" : name) + " " + file), std::string::npos)
        << init.out;
    const Outcome checked = moesim_run("validate " + file);
    EXPECT_EQ(checked.status, 0) << name << checked.err;
    EXPECT_EQ(checked.out, "ok: " + file + (name == "sweep" ? ", a sweep of 11 points\n" : "\n"));
  }
  const Outcome run = moesim_run("run " + folder.file("run.yaml") + kQuick);
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_NE(run.out.find("THROUGHPUT"), std::string::npos);
  const Outcome text = moesim_run("run " + folder.file("text.yaml") + kQuick);
  EXPECT_EQ(text.status, 0) << text.err;
  const Outcome balance = moesim_run("balance " + folder.file("balance.yaml") +
                                     " --set balance.steps=3 --set workload.tokens=64");
  EXPECT_EQ(balance.status, 0) << balance.err;
  const Outcome sweep = moesim_run("sweep " + folder.file("sweep.yaml") +
                                   " --budget 0 --set workload.tokens=64 --set workload.steps=1 --set "
                                   "layer.d_ff=32 --set measure.min_samples=1");
  EXPECT_EQ(sweep.status, 0) << sweep.err;
  const std::string logits =
      std::string(MOESIM_SOURCE_DIR) + "/experiments/same_model_different_stacks/logits.npy";
  const Outcome route = moesim_run("route " + folder.file("route.yaml") + " -o json --logits " + logits);
  EXPECT_EQ(route.status, 0) << route.err;
}

TEST(Init, EachKeyHasTheSentenceThatExplainHas) {
  for (const std::string name : kTemplates) {
    const Outcome init = moesim_run("init " + name + " --out -");
    ASSERT_EQ(init.status, 0) << init.err;
    std::string before;
    for (const std::string& line : lines_of(init.out)) {
      const bool is_value = line.find(": ") != std::string::npos &&
                            line.find_first_not_of(' ') != std::string::npos &&
                            line[line.find_first_not_of(' ')] != '#';
      if (is_value) {
        EXPECT_TRUE(line.find("  # ") != std::string::npos ||
                    before.find_first_not_of(' ') == before.find("# "))
            << name << ": " << line;
      }
      EXPECT_LE(line.size(), 115u) << line;
      before = line;
    }
  }
  const std::string run = moesim_run("init --out -").out;
  const std::string known = moesim_run("explain layer.num_layers").out;
  const std::string sentence = "layers of the stack, each with its own gate and experts";
  EXPECT_NE(known.find(sentence), std::string::npos) << known;
  EXPECT_NE(run.find("  num_layers: 1 "), std::string::npos) << run;
  EXPECT_NE(run.find("# " + sentence + "\n"), std::string::npos) << run;
}

TEST(Init, WritesTheSchemaThatTheFirstLineNamesBesideTheConfig) {
  const TempFolder folder;
  const std::string command = "cd " + folder.path() + " && " + MOESIM_BINARY + " init >out && " +
                              MOESIM_BINARY + " validate moesim.yaml >>out";
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(lines_of(read_all(folder.file("moesim.yaml"))).front(),
            "# yaml-language-server: $schema=moesim.schema.json");
  EXPECT_EQ(read_all(folder.file("moesim.schema.json")), moesim_run("schema config").out);
  EXPECT_NE(read_all(folder.file("out")).find("ok: moesim.yaml"), std::string::npos);
}

TEST(Init, RefusesToReplaceWhatIsThere) {
  const TempFolder folder;
  const std::string file = folder.write("c.yaml", "name: precious\n");
  const Outcome refused = moesim_run("init --out " + file);
  EXPECT_EQ(refused.status, 73);
  EXPECT_EQ(refused.err, file +
                             ": error: it exists already; expected a new name, or --force to replace it "
                             "[cannot-create]\n  help: moesim init run --out another.yaml\n");
  EXPECT_EQ(read_all(file), "name: precious\n");
  EXPECT_FALSE(fs::exists(folder.file("moesim.schema.json"))) << "nothing was written";
  EXPECT_EQ(moesim_run("init --force --out " + file).status, 0);
  EXPECT_NE(read_all(file).find("name: mine"), std::string::npos);

  const std::string schema = folder.file("moesim.schema.json");
  const std::string ours = read_all(schema);
  folder.write("moesim.schema.json", ours.substr(0, ours.size() / 2));  // of an earlier version
  EXPECT_EQ(moesim_run("init --out " + folder.file("d.yaml")).status, 0);
  EXPECT_EQ(read_all(schema), ours);
  folder.write("moesim.schema.json", "{\"title\": \"another\"}\n");
  EXPECT_EQ(moesim_run("init --out " + folder.file("e.yaml")).status, 73);
  EXPECT_FALSE(fs::exists(folder.file("e.yaml")));
  EXPECT_EQ(read_all(schema), "{\"title\": \"another\"}\n");

  fs::create_symlink(folder.file("nowhere"), folder.file("link.yaml"));
  EXPECT_EQ(moesim_run("init --out " + folder.file("link.yaml")).status, 73);
  EXPECT_TRUE(fs::is_symlink(folder.file("link.yaml")));
}

TEST(Init, TheConfigMayNotHaveTheSchemasName) {
  const TempFolder folder;
  for (const char* name : {"moesim.schema.json", "./moesim.schema.json"}) {
    const Outcome refused = moesim_run("init --force --out " + folder.file(name));
    EXPECT_EQ(refused.status, 64);
    EXPECT_NE(refused.err.find("moesim.yaml\n"), std::string::npos) << refused.err;
  }
  EXPECT_FALSE(fs::exists(folder.file("moesim.schema.json")));
}

TEST(Init, WhatItSaysToTypeWorksForAConfigThatBeginsWithADash) {
  const TempFolder folder;
  const std::string command = "cd " + folder.path() + " && " + MOESIM_BINARY + " init --out -c.yaml >out";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const std::string out = read_all(folder.file("out"));
  const std::size_t at = out.find("moesim run ") + std::string("moesim run").size();
  const std::string typed = out.substr(at, out.find('\n', at) - at);
  EXPECT_EQ(moesim_run("--version >/dev/null; cd " + folder.path() + " && " + MOESIM_BINARY +
                       " run --dry-run" + typed + " --no-store")
                .status,
            0)
      << typed;
}

TEST(Init, WrongUsageSaysWhatToType) {
  const Outcome unknown = moesim_run("init nonsense");
  EXPECT_EQ(unknown.status, 64);
  for (const std::string name : kTemplates) {
    EXPECT_NE(unknown.err.find("\n    " + name + " "), std::string::npos) << unknown.err;
    EXPECT_NE(("\n" + moesim_run("init --list").out).find("\n" + name + " "), std::string::npos);
  }
  EXPECT_NE(moesim_run("init sweap").err.find("did you mean 'sweep'?"), std::string::npos);
  for (const char* line : {"init --list run", "init sweep --list", "init --list --out x.yaml",
                           "init --force --list", "init --list --out -"}) {
    const Outcome refused = moesim_run(line);
    EXPECT_EQ(refused.status, 64) << line;
    EXPECT_NE(refused.err.find("expected no template, --out or --force beside it [no-effect]"),
              std::string::npos)
        << refused.err;
  }
  const TempFolder folder;
  EXPECT_EQ(moesim_run("init --out ''").status, 64);
  EXPECT_EQ(moesim_run("init --out " + folder.path()).status, 64);
  EXPECT_EQ(moesim_run("init --out " + folder.file("none/c.yaml")).status, 73);
  EXPECT_EQ(moesim_run("init --out \"" + folder.file("a\nb: c.yaml") + "\"").status, 0);
  const std::string text = read_all(folder.file("a\nb: c.yaml"));
  EXPECT_EQ(text.find("\nb: c"), std::string::npos) << "a name cannot break out of a comment";
}

}  // namespace
}  // namespace moesim
