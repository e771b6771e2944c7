// moesim trace convert: from a run's own recording to each form, and what is wrong to type.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "moesim_run.h"

namespace moesim {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class TraceConvert : public testing::Test {
 protected:
  std::string file(const std::string& name) const { return folder_.file(name); }
  void expect_error(const std::string& line, int status, const std::string& message,
                    const std::string& help) {
    const Outcome outcome = moesim_run(line);
    EXPECT_EQ(outcome.status, status) << line;
    EXPECT_THAT(outcome.err, HasSubstr(message));
    EXPECT_THAT(outcome.err, HasSubstr(help));
    EXPECT_EQ(outcome.out, "");
  }
  TempFolder folder_;
};

TEST_F(TraceConvert, WhatARunSavedHasOneSumInEveryForm) {
  for (const char* name : {"r.csv", "r.jsonl", "r.moer"}) {
    const Outcome run = moesim_run("run quickstart --no-store --save-routing " + file(name) + kQuick +
                                   " --set capacity.factor=1.0");
    ASSERT_EQ(run.status, 0) << run.err;
    const Outcome outcome =
        moesim_run("trace convert " + file(name) + " --to " + file(std::string(name) + ".counts.csv"));
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.out, file(std::string(name) + ".counts.csv") + "\n");
  }
  const std::string counts = read_all(file("r.csv.counts.csv"));
  EXPECT_THAT(counts, StartsWith("num_experts,layer,expert,count\n8,0,0,"));
  EXPECT_EQ(read_all(file("r.jsonl.counts.csv")), counts);
  EXPECT_EQ(read_all(file("r.moer.counts.csv")), counts);
  ASSERT_EQ(moesim_run("trace convert " + file("r.csv") + " --to " + file("again.csv")).status, 0);
  EXPECT_EQ(read_all(file("again.csv")), read_all(file("r.csv")));
}

TEST_F(TraceConvert, SeveralFilesOfChoicesBecomeOne) {
  const std::string csv = folder_.write("c.csv", "layer,token,expert\n0,0,1\n0,0,2\n0,1,2\n0,1,0\n");
  const Outcome outcome = moesim_run("trace convert " + csv + " " + csv + " --to " + file("both.moer"));
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const Outcome stats = moesim_run("trace stats " + file("both.moer") + " -o json");
  EXPECT_THAT(stats.out, HasSubstr("\"m.assignments\": 8"));
  const std::string counts = folder_.write("n.csv", "layer,expert,count\n0,0,1\n");
  expect_error("trace convert " + counts + " " + counts + " --to " + file("x.csv"), 64,
               "several files of counts", "trace stats");
}

TEST_F(TraceConvert, LoadsAloneAreWhatTheDrawnRouterReads) {
  const std::string csv =
      folder_.write("c.csv", "model,num_experts,top_k,layer,expert,count\nm,4,2,0,0,3\nm,4,2,0,2,3\n");
  const std::string loads = file("loads.yaml");
  const Outcome outcome = moesim_run("trace convert " + csv + " --to " + loads + " --source 'here @ 1'");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(read_all(loads), StartsWith("m/all/0:\n  source: 'here @ 1'\n  top_k: 2\n  tokens: 3\n"));
  const Outcome run = moesim_run(
      "run quickstart -o json --set layer.num_experts=4 --set capacity=none --set 'router={kind: drawn, "
      "loads: m/all/0, file: " +
      loads + "}'" + kQuick);
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("\"m.dead_experts\": 2"));
}

TEST_F(TraceConvert, WhatIsWrongToType) {
  const std::string counts = folder_.write("c.csv", "domain,layer,expert,count\na,0,0,1\na,0,1,2\nb,0,0,3\n");
  const std::string start = "trace convert " + counts;
  expect_error(start, 64, "no --to given", "--to trace.moer");
  expect_error(start + " --to " + file("x.txt"), 64, "has no ending that names a form", "--to trace.moer");
  expect_error(start + " --to " + file("x.jsonl"), 64, "cannot hold counts", "--to counts.csv");
  expect_error(start + " --to " + file("x.csv") + " -o json", 64, "[no-effect]", "trace stats FILE --output");
  expect_error(start + " --to " + file("x.csv") + " --layer 3", 64, "[no-effect]",
               "trace stats FILE --layer");
  expect_error("trace stats " + counts + " --to " + file("x.csv"), 64, "[no-effect]",
               "trace convert FILE --to");
  expect_error(start + " --to " + file("x.csv") + " --where topic=a", 64, "no column 'topic'", "");
  expect_error(start + " --to " + file("x.csv") + " --where domain=z", 64, "leaves nothing", "domain=a");
  expect_error(start + " --to " + file("x.csv") + " --where domain", 64, "expected COLUMN=VALUE",
               "--where domain=arxiv");
  expect_error(start + " --to " + file("x.csv") + " --form nonsense", 64, "'nonsense' is no form",
               "counts-csv");
  expect_error(start + " --to " + file("x.csv") + " --source me", 64,
               "--source: error: has no effect on recordings, only on loads", "");
  expect_error(start + " --to " + file("x.csv") + " --router mixtral --form counts-csv", 64,
               "--router: error: logits have no columns and no other form; expected it without --form", "");
  expect_error("trace " + counts, 64, "", "");
  expect_error("trace convert " + file("none.csv") + " --to " + file("x.csv"), 66, "[file-missing]", "");
  expect_error("trace convert " + folder_.write("x.pt", "PK\x03\x04") + " --to " + file("x.csv"), 65,
               "zip archive", "weights_only=True");
  EXPECT_EQ(read_all(file("x.csv")), "");
  const Outcome chosen = moesim_run(start + " --where domain=a --to " + file("a.csv"));
  EXPECT_EQ(chosen.status, 0) << chosen.err;
  EXPECT_EQ(read_all(file("a.csv")), "domain,layer,expert,count\na,0,0,1\na,0,1,2\n");
}

}  // namespace
}  // namespace moesim
