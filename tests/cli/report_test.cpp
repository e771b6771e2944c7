// moesim report through the command line.
#include <filesystem>

#include "cli/moesim_run.h"

namespace moesim {
namespace {

namespace fs = std::filesystem;

class Report : public testing::Test {
 protected:
  // `line` may name the folder of results as RUNS.
  Outcome run(std::string line) {
    for (std::size_t at = 0; (at = line.find("RUNS", at)) != std::string::npos;) {
      line.replace(at, 4, runs());
    }
    const std::string command = "MOESIM_RUNS_DIR=" + runs() + " " + MOESIM_BINARY + " " + line + " >" +
                                folder_.file("out") + " 2>" + folder_.file("err");
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_all(folder_.file("out")),
            read_all(folder_.file("err"))};
  }
  std::string runs() const { return folder_.file("runs"); }
  bool can_draw() { return run("report nowhere").err.find("no-report") == std::string::npos; }
  TempFolder folder_;
};

TEST_F(Report, IsWrittenBesideTheRunTheSweepAndForTwoRuns) {
  if (!can_draw()) {
    GTEST_SKIP() << "built without npm";
  }
  const Outcome first = run("run quickstart --report -o json" + kQuick);
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_NE(first.err.find("report   " + runs()), std::string::npos) << first.err;
  const std::string folder = fs::directory_iterator(runs())->path();
  const std::string page = read_all(folder + "/report.html");
  EXPECT_EQ(page.rfind("<!DOCTYPE html>", 0), 0u);
  EXPECT_NE(page.find("<h3>english</h3>"), std::string::npos);
  EXPECT_NE(page.find("id=\"load\""), std::string::npos);
  ASSERT_EQ(run("report " + folder).out, folder + "/report.html\n");
  EXPECT_EQ(read_all(folder + "/report.html"), page) << "the same results, the same bytes";
  ASSERT_EQ(run("sweep quickstart --report --report-every 1s -p router.top_k=1,2 -o json" + kQuick).status,
            0);
  int pages = 0;
  for (const auto& entry : fs::directory_iterator(runs())) {
    pages += fs::exists(entry.path() / "report.html") ? 1 : 0;
  }
  EXPECT_EQ(pages, 2);
  const Outcome both = run("report " + folder + " " + folder + " --file " + folder_.file("both.html"));
  ASSERT_EQ(both.status, 0) << both.err;
  EXPECT_NE(read_all(folder_.file("both.html")).find("Tokens/s of B over A"), std::string::npos);
}

TEST_F(Report, DrawsFigures) {
  ASSERT_EQ(run("run quickstart -o json" + kQuick).status, 0);
  const std::string folder = fs::directory_iterator(runs())->path();
  const Outcome drawn = run("report " + folder + " --figures svg");
  if (drawn.err.find("[no-report]") != std::string::npos ||
      drawn.err.find("[no-figures]") != std::string::npos) {
    GTEST_SKIP() << "built without npm or Duktape";
  }
  ASSERT_EQ(drawn.status, 0) << drawn.err;
  EXPECT_EQ(read_all(folder + "/figures/load.svg").rfind("<svg", 0), 0u);
  EXPECT_NE(read_all(folder + "/figures/load-sorted.svg"), read_all(folder + "/figures/load.svg"));
  const Outcome pdf = run("report " + folder + " --figures pdf --file " + folder_.file("pictures"));
  if (pdf.err.find("[no-figures]") == std::string::npos) {  // built with librsvg
    ASSERT_EQ(pdf.status, 0) << pdf.err;
    EXPECT_EQ(read_all(folder_.file("pictures") + "/load.pdf").rfind("%PDF", 0), 0u);
  }
}

constexpr const char* kLoop = " --set balance.steps=20 --set workload.tokens=64 ";

TEST_F(Report, IsWrittenForTheCommandsThatStoreNothing) {
  if (!can_draw()) {
    GTEST_SKIP() << "built without npm";
  }
  const std::string loop = folder_.file("loop.html");
  const Outcome balanced =
      run("balance balance_controllers -o json" + std::string(kLoop) + "--report " + loop);
  ASSERT_EQ(balanced.status, 0) << balanced.err;
  EXPECT_EQ(balanced.err, "report   " + loop + "\n");
  EXPECT_EQ(balanced.out.rfind("[", 0), 0u) << "standard output is the result alone";
  const std::string page = read_all(loop);
  EXPECT_EQ(page.rfind("<!DOCTYPE html>", 0), 0u);
  for (const char* text :
       {"id=\"course\"", "id=\"price\"", "quantile_balancing",
        "moesim balance balance_controllers --set workload.tokens=64 --set balance.steps=20"}) {
    EXPECT_NE(page.find(text), std::string::npos) << text;
  }
  ASSERT_EQ(run("balance balance_controllers" + std::string(kLoop) + "--report " + loop).status, 0);
  EXPECT_TRUE(read_all(loop) == page) << "the same loop, the same bytes";

  const std::string live = folder_.file("live.html");
  const Outcome compared = run("compare quickstart --set-b router.top_k=1 --report " + live + kQuick);
  ASSERT_EQ(compared.status, 0) << compared.err;
  EXPECT_EQ(compared.err, "report   " + live + "\n");
  for (const char* text : {"id=\"pairs\"", "id=\"load-difference\"", "p.router.top_k",
                           "moesim compare quickstart", "--set-b router.top_k=1"}) {
    EXPECT_NE(read_all(live).find(text), std::string::npos) << text;
  }
}

TEST_F(Report, OfStoredRunsComparedIsThatOfTheReport) {
  if (!can_draw()) {
    GTEST_SKIP() << "built without npm";
  }
  ASSERT_EQ(run("run quickstart -o json" + kQuick).status, 0);
  const std::string run_folder = fs::directory_iterator(runs())->path();
  const std::string both = run_folder + " " + run_folder;
  ASSERT_EQ(run("compare " + both + " --report " + folder_.file("a.html")).status, 0);
  ASSERT_EQ(run("report " + both + " --file " + folder_.file("b.html")).status, 0);
  EXPECT_TRUE(read_all(folder_.file("a.html")) == read_all(folder_.file("b.html")));
}

TEST_F(Report, FiguresOfTheCommandsThatStoreNothing) {
  if (run("report nowhere --figures svg").err.find("[no-") != std::string::npos) {
    GTEST_SKIP() << "built without npm or Duktape";
  }
  const std::string pictures = folder_.file("pictures");
  const Outcome drawn =
      run("balance balance_controllers" + std::string(kLoop) + "--figures svg --report " + pictures);
  ASSERT_EQ(drawn.status, 0) << drawn.err;
  for (const char* chart : {"course", "reached", "speed", "price", "final-load"}) {
    const std::string path = pictures + "/" + chart + ".svg";
    EXPECT_EQ(read_all(path).rfind("<svg", 0), 0u) << chart;
    EXPECT_NE(drawn.err.find("report   " + path + "\n"), std::string::npos) << drawn.err;
  }
  EXPECT_NE(drawn.err.find("report   " + pictures + "/bias-"), std::string::npos) << "one of many says which";
  EXPECT_FALSE(fs::exists(folder_.file("pictures.html")));
}

TEST_F(Report, OptionsOfPagesAreCheckedBeforeAnythingRuns) {
  struct Case {
    const char* line;
    const char* says;
  };
  for (const Case& c :
       {Case{
            "balance balance_controllers --figures svg",
            "--figures: error: has no effect without --report; expected --report FOLDER [no-effect]\n  help: "
            "--report figures --figures svg\n"},
        Case{"compare quickstart --set-b router.top_k=1 --figures svg", "[no-effect]"},
        Case{"route --preset mixtral --logits nowhere.npy --diff olmoe --figures svg", "[no-effect]"},
        Case{"route --preset mixtral --logits nowhere.npy --out o --report a.html",
             "--report: error: has no effect without --diff; expected --diff OTHER [no-effect]"},
        Case{"balance balance_controllers --report a.html --figures bmp",
             "--figures: error: got 'bmp'; expected one of pdf, png, svg [bad-option]"},
        Case{"balance balance_controllers --report loop.svg",
             "--report loop.svg: error: got the ending '.svg'; expected a name that ends in .html "
             "[bad-option]"},
        Case{"route --preset mixtral --logits nowhere.npy --report a.html",
             "--report: error: has no effect without --diff; expected --diff OTHER [no-effect]\n  help: "
             "--diff OTHER"},
        Case{"balance balance_controllers --report a.html --figures svg",
             "--report a.html: error: got the name of a page; expected a folder with --figures "
             "[bad-option]\n  help: --report a\n"},
        Case{"balance balance_controllers --report x/.html/ --figures svg", "help: --report x/figures\n"},
        Case{"compare a.yaml b.yaml --report c.yaml", "expected a name that ends in .html"}}) {
    const Outcome outcome = run(c.line);
    EXPECT_EQ(outcome.status, 64) << c.line;
    EXPECT_EQ(outcome.out, "") << c.line;
    EXPECT_NE(outcome.err.find(c.says), std::string::npos) << c.line << "\n" << outcome.err;
  }
  if (!can_draw()) {
    const Outcome refused = run("balance balance_controllers --report a.html");
    EXPECT_EQ(refused.status, 64);
    EXPECT_EQ(refused.out, "");
    return;
  }
  const Outcome nowhere = run("balance balance_controllers --report /nowhere/at/all.html");
  EXPECT_EQ(nowhere.status, 73);
  EXPECT_EQ(nowhere.out, "") << "before anything runs";
  std::ofstream(folder_.file("file")) << "a file";
  EXPECT_EQ(run("balance balance_controllers --figures svg --report " + folder_.file("file")).status, 73);
  const Outcome twice = run("balance balance_controllers --report " + folder_.file("x.html") + " --out " +
                            folder_.file("x.html"));
  EXPECT_EQ(twice.status, 64) << "--out takes no .html either";
}

TEST_F(Report, NamesWhatIsMissingOrWrong) {
  const Outcome missing = run("report nowhere");
  EXPECT_NE(missing.status, 0);
  EXPECT_NE(missing.err.find("; expected "), std::string::npos) << missing.err;
  EXPECT_EQ(run("report").status, 64);
  const Outcome useless = run("run quickstart --report --no-store" + kQuick);
  EXPECT_EQ(useless.status, 64);
  EXPECT_NE(useless.err.find("--report: error: has no effect with --no-store"), std::string::npos)
      << useless.err;
  EXPECT_EQ(run("sweep quickstart --report --dry-run -p router.top_k=1,2").status, 64);
  for (const char* wrong : {"0", "s", "5x", "-3s", "1e9h", "nan", "30 s s"}) {
    const Outcome refused =
        run(std::string("sweep quickstart --report-every '") + wrong + "' -p router.top_k=1,2" + kQuick);
    EXPECT_EQ(refused.status, 64) << wrong;
    EXPECT_NE(refused.err.find("as 30, 30s, 5min or 1h [bad-option]"), std::string::npos) << refused.err;
  }
  EXPECT_NE(
      run("sweep quickstart --report-every 30s --dry-run -p router.top_k=1,2").err.find("--report-every has"),
      std::string::npos);
  EXPECT_EQ(run("sweep quickstart --report-every 0 -p router.top_k=1,2" + kQuick).status, 64);
  if (!can_draw()) {
    return;
  }
  EXPECT_EQ(missing.status, 66) << missing.err;
  EXPECT_NE(missing.err.find("help: moesim run quickstart makes a folder of results in " + runs() + "/\n"),
            std::string::npos)
      << missing.err;
  EXPECT_EQ(run("report a b c").status, 64);
  EXPECT_EQ(run("report nowhere --figures bmp").status, 64);
  ASSERT_EQ(run("run quickstart -o json" + kQuick).status, 0);
  const std::string folder = fs::directory_iterator(runs())->path();
  EXPECT_EQ(run("report " + folder + " --file /nowhere/at/all.html").status, 73);
  const std::string other = folder_.write("other.txt", "mine");
  fs::create_symlink(other, folder + "/report.html");
  EXPECT_EQ(run("report " + folder).status, 73);
  EXPECT_EQ(read_all(other), "mine") << "a link in a folder from anybody leads nowhere";
  fs::remove(folder + "/report.html");
  fs::create_directories(folder + "/figures");
  fs::create_symlink(other, folder + "/figures/load.svg");
  run("report " + folder + " --figures svg");
  EXPECT_EQ(read_all(other), "mine");
  EXPECT_NE(run("export nowhere").err.find("; the newest is " + folder + "\n"), std::string::npos);
  EXPECT_NE(run("report nowhere").err.find("; the newest is " + folder + "\n"), std::string::npos);
  for (const std::string name : {"zz", "zz.svg"}) {
    const Outcome refused = run("report " + folder + " --file " + folder_.file(name));
    EXPECT_EQ(refused.status, 64) << name;
    EXPECT_NE(refused.err.find("; expected a name that ends in .html [bad-option]"), std::string::npos)
        << refused.err;
    EXPECT_FALSE(fs::exists(folder_.file(name)));
  }
  EXPECT_EQ(run("report " + folder + " --figures svg --file " + folder_.file("a.html")).status, 64);
  EXPECT_FALSE(fs::exists(folder_.file("a.html")));
  ASSERT_EQ(run("sweep quickstart -p router.top_k=1,2 -o json" + kQuick).status, 0);
  for (const auto& entry : fs::directory_iterator(runs())) {
    if (const std::string sweep = entry.path(); sweep != folder) {
      const Outcome both = run("report " + folder + " " + sweep);
      EXPECT_EQ(both.status, 65);
      EXPECT_EQ(both.err.rfind("moesim report: error: ", 0), 0u) << both.err;
      EXPECT_NE(both.err.find("\n  help: "), std::string::npos) << both.err;
    }
  }
  std::ofstream(folder + "/results.sqlite") << "not a database";
  EXPECT_EQ(run("report " + folder).status, 65);
}

}  // namespace
}  // namespace moesim
