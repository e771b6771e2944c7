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
  EXPECT_EQ(run("report a b c").status, 64);
  EXPECT_EQ(run("report nowhere --figures bmp").status, 64);
  ASSERT_EQ(run("run quickstart -o json" + kQuick).status, 0);
  const std::string folder = fs::directory_iterator(runs())->path();
  EXPECT_EQ(run("report " + folder + " --file /nowhere/at/all.html").status, 73);
  std::ofstream(folder + "/results.sqlite") << "not a database";
  EXPECT_EQ(run("report " + folder).status, 65);
}

}  // namespace
}  // namespace moesim
