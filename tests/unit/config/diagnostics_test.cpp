#include "config/diagnostics.h"

#include <gtest/gtest.h>

namespace moesim {
namespace {

Diagnostic at(const std::string& source, int line, int column) {
  Diagnostic diagnostic;
  diagnostic.where = {source, line, column};
  diagnostic.key = "a";
  diagnostic.what = "got 1";
  diagnostic.short_name = "wrong-type";
  return diagnostic;
}

TEST(Diagnostic, RendersPlaceKeyExpectationNameHelpAndNotes) {
  Diagnostic diagnostic = at("q.yaml", 9, 12);
  diagnostic.key = "router.top_k";
  diagnostic.what = "got 16";
  diagnostic.expected = "a whole number from 1 to 8";
  diagnostic.short_name = "out-of-range";
  diagnostic.help = "write 8";
  diagnostic.notes = {{{"q.yaml", 4, 43}, "layer.num_experts is 8"}, {{}, "as in the paper"}};
  EXPECT_EQ(render(diagnostic),
            "q.yaml:9:12: error: router.top_k: got 16; expected a whole number from 1 to 8 [out-of-range]\n"
            "  help: write 8\n"
            "  note: q.yaml:4:43: layer.num_experts is 8\n"
            "  note: as in the paper");
}

TEST(Diagnostic, LeavesOutWhatIsEmpty) {
  Diagnostic diagnostic = at("q.yaml", 1, 1);
  diagnostic.key = "";
  EXPECT_EQ(render(diagnostic), "q.yaml:1:1: error: got 1 [wrong-type]");
  diagnostic.where = {};
  EXPECT_EQ(render(diagnostic), "error: got 1 [wrong-type]");
}

TEST(Diagnostic, AnOverrideIsItsOwnPlace) {
  Diagnostic diagnostic = at("--set router.topk=4", 0, 0);
  diagnostic.key = "router.topk";
  diagnostic.what = "unknown key";
  diagnostic.expected = "one of kind, top_k";
  diagnostic.short_name = "unknown-key";
  EXPECT_EQ(
      render(diagnostic),
      "--set router.topk=4: error: router.topk: unknown key; expected one of kind, top_k [unknown-key]");
}

TEST(Diagnostic, ControlCharactersCannotReachTheTerminal) {
  Diagnostic diagnostic = at("q\x1b[31m.yaml", 1, 1);
  diagnostic.what = "got \"\x07\n\"";
  diagnostic.help = "\x1b]0;x";
  diagnostic.notes = {{{"\r", 1, 1}, "\x7f"}};
  EXPECT_EQ(render(diagnostic),
            "q\\x1b[31m.yaml:1:1: error: a: got \"\\x07\\n\" [wrong-type]\n"
            "  help: \\x1b]0;x\n"
            "  note: \\x0d:1:1: \\x7f");
}

TEST(Diagnostics, OrderIsFileThenLineThenColumn) {
  Diagnostics list;
  list.add(at("b.yaml", 2, 1));
  list.add(at("--set a=1", 0, 0));
  list.add(at("a.yaml", 1, 1));
  list.add(at("b.yaml", 1, 9));
  list.add(at("b.yaml", 1, 10));
  list.add(at("b.yaml", 1, 2));
  EXPECT_EQ(list.render_all(),
            "b.yaml:1:2: error: a: got 1 [wrong-type]\n"
            "b.yaml:1:9: error: a: got 1 [wrong-type]\n"
            "b.yaml:1:10: error: a: got 1 [wrong-type]\n"
            "b.yaml:2:1: error: a: got 1 [wrong-type]\n"
            "--set a=1: error: a: got 1 [wrong-type]\n"
            "a.yaml:1:1: error: a: got 1 [wrong-type]\n"
            "6 errors. Nothing was run.");
}

TEST(Diagnostics, OneErrorIsSingular) {
  Diagnostics list;
  EXPECT_TRUE(list.empty());
  list.add(at("a", 1, 1));
  EXPECT_EQ(list.render_all(), "a:1:1: error: a: got 1 [wrong-type]\n1 error. Nothing was run.");
}

TEST(Diagnostics, ShowsTwentyAndCountsTheRest) {
  Diagnostics list;
  for (int line = 23; line > 0; --line) {
    list.add(at("a", line, 1));
  }
  std::string expected;
  for (int line = 1; line <= 20; ++line) {
    expected += "a:" + std::to_string(line) + ":1: error: a: got 1 [wrong-type]\n";
  }
  EXPECT_EQ(list.render_all(), expected + "... and 3 more\n23 errors. Nothing was run.");
}

TEST(Diagnostics, ShowsExactlyTwentyWithoutACountLine) {
  Diagnostics list;
  for (int line = 1; line <= 20; ++line) {
    list.add(at("a", line, 1));
  }
  EXPECT_EQ(list.render_all().find("more"), std::string::npos);
}

TEST(ConfigError, CarriesTheTextAndTheExitStatus) {
  Diagnostics list;
  list.add(at("a", 1, 1));
  const ConfigError error(list);
  EXPECT_EQ(static_cast<int>(error.kind()), 78);
  EXPECT_EQ(error.what(), list.render_all());
  EXPECT_EQ(error.diagnostics().list().size(), 1u);
}

TEST(ConfigError, HasTheStatusOfDataWhereOnlyDataIsToBlame) {
  const auto status = [](std::vector<std::string> names) {
    Diagnostics list;
    for (const std::string& name : names) {
      Diagnostic diagnostic = at("a", 1, 1);
      diagnostic.short_name = name;
      list.add(diagnostic);
    }
    return static_cast<int>(ConfigError(list).kind());
  };
  EXPECT_EQ(status({"file-missing"}), 66);
  EXPECT_EQ(status({"data-missing", "file-missing"}), 66);
  EXPECT_EQ(status({"bad-utf8"}), 65);
  EXPECT_EQ(status({"npy-malformed", "file-missing"}), 65);
  EXPECT_EQ(status({"file-missing", "out-of-range"}), 78);
  EXPECT_EQ(status({"no-effect", "file-missing"}), 78);
}

}  // namespace
}  // namespace moesim
