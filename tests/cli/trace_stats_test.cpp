// moesim trace stats, from file to screen, rows and page.

#include <nlohmann/json.hpp>

#include "cli/moesim_run.h"
#include "cli/recorded_csv.h"

namespace moesim {
namespace {

nlohmann::json rows_of(const std::string& line) {
  const Outcome outcome = moesim_run(line + " -o json");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  return nlohmann::json::parse(outcome.out, nullptr, false);
}

TEST(TraceStats, GivesOneRowForEachLayer) {
  const TempFolder folder;
  write_recording(folder.file("a.csv"), 90);
  const nlohmann::json rows = rows_of("trace stats " + folder.file("a.csv"));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["schema"], "moesim.trace/1");
  EXPECT_EQ(rows[1]["layer"], 1);
  EXPECT_EQ(rows[0]["tokens"], 90);
  EXPECT_EQ(rows[0]["experts"], 8);
  EXPECT_EQ(rows[0]["m.assignments"], 180);
  EXPECT_EQ(rows[0]["m.repetition.neighbours"], 89);
  // Three tokens in a row have one first choice: of 89 neighbours 60.
  EXPECT_DOUBLE_EQ(rows[0]["m.repetition.same_first"].get<double>(), 60.0 / 89);
  EXPECT_DOUBLE_EQ(rows[0]["m.repetition.same_first.uniform"].get<double>(), 1.0 / 8);
  EXPECT_TRUE(rows[0]["m.distinct.2.mixed"].is_null());  // one sequence
  EXPECT_EQ(rows[0]["m.cache.fixed_learned_from"], "first half");
  EXPECT_EQ(rows[0]["m.next_layer"], 1);
  EXPECT_DOUBLE_EQ(rows[0]["m.next_layer.in_sample"].get<double>(), 1.0);
  EXPECT_GT(rows[0]["m.noise_floor.load_cv"].get<double>(), 0.0);
}

TEST(TraceStats, JoinsFilesAndTakesOneLayer) {
  const TempFolder folder;
  write_recording(folder.file("a.csv"), 90);
  write_recording(folder.file("b.csv"), 60, 4);
  const nlohmann::json rows =
      rows_of("trace stats " + folder.file("a.csv") + " " + folder.file("b.csv") + " --layer 1");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["layer"], 1);
  EXPECT_EQ(rows[0]["tokens"], 150);
  EXPECT_EQ(rows[0]["m.repetition.neighbours"], 89 + 59);
  EXPECT_TRUE(rows[0]["m.distinct.2.mixed"].is_number());
  EXPECT_EQ(rows[0]["m.cache.fixed_learned_from"], "other sequences");
}

TEST(TraceStats, OfCountsComparesDomains) {
  const TempFolder folder;
  std::ofstream(folder.file("counts.csv"))
      << "model,num_experts,top_k,domain,ranks_counted,layer,expert,count\n"
         "m,4,2,code,topk,0,0,45\nm,4,2,code,topk,0,1,40\nm,4,2,code,topk,0,2,15\n"
         "m,4,2,code,top1,0,0,50\n"
         "m,4,2,prose,topk,0,2,50\nm,4,2,prose,topk,0,3,50\n";
  const std::string file = "trace stats " + folder.file("counts.csv");
  const nlohmann::json rows = rows_of(file);
  ASSERT_EQ(rows.size(), 3U);
  for (const nlohmann::json& row : rows) {
    EXPECT_EQ(row["tokens"], 50) << row;  // of two choices each, or of one
    EXPECT_EQ(row["experts"], 4);
    EXPECT_FALSE(row.contains("m.repetition.same_first"));
  }
  const nlohmann::json code = rows_of(file + " --where domain=code,ranks_counted=topk");
  ASSERT_EQ(code.size(), 1U);
  EXPECT_DOUBLE_EQ(code[0]["m.max_violation"].get<double>(), 45 / 25.0 - 1);
  EXPECT_EQ(code[0]["m.dead_experts"], 1);
  const Outcome screen = moesim_run(file + " --where ranks_counted=topk");
  EXPECT_NE(screen.out.find("m code topk, layer 0: 90.0 % of tokens"), std::string::npos) << screen.out;
}

TEST(TraceStats, RefusesWhatMakesNoSense) {
  const TempFolder folder;
  write_recording(folder.file("a.csv"), 9);
  const std::string file = folder.file("a.csv");
  const auto expect = [](const std::string& line, int status, const std::string& part) {
    const Outcome outcome = moesim_run(line);
    EXPECT_EQ(outcome.status, status) << line;
    EXPECT_NE(outcome.err.find(part), std::string::npos) << line << "\n" << outcome.err;
    EXPECT_TRUE(outcome.out.empty()) << line;
  };
  expect("trace stats " + file + " --layer 5", 64, "--layer: error: 5 is in no part of the recording");
  expect("trace stats " + file + " --layer -1", 64, "--layer: error:");
  expect("trace stats " + file + " --layer x", 64, "--layer: error:");
  expect("trace stats " + file + " -o xml", 64, "error:");
  expect("trace stats " + folder.file("none.csv"), 66, "none.csv");
  expect("trace stats " + file + " " + folder.file("none.csv"), 66, "none.csv");
  expect("trace stats " + file + " --report page.txt", 64, "--report");
  std::ofstream(folder.file("counts.csv")) << "layer,expert,count\n0,1,5\n";
  expect("trace stats " + file + " " + folder.file("counts.csv"), 65, "[types-differ]");
}

TEST(TraceStats, DrawsAPage) {
  const TempFolder folder;
  write_recording(folder.file("a.csv"), 90);
  const Outcome outcome =
      moesim_run("trace stats " + folder.file("a.csv") + " --report " + folder.file("page.html"));
  if (outcome.err.find("[no-report]") != std::string::npos) {
    GTEST_SKIP() << "this build draws nothing";
  }
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const std::string page = read_all(folder.file("page.html"));
  for (const char* part : {"Load of each expert in each layer", "Distinct experts of a batch",
                           "Hit rates of expert caches", "Experts chosen together"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
}

// A file's columns never take the place of ours, and no count becomes negative.
TEST(TraceStats, NamesAndCountsStayWhatTheyAre) {
  const TempFolder folder;
  const std::string file = folder.write(
      "c.csv", "schema,layer,expert,count\nx,0,0,9223372036854775807\nx,0,1,9223372036854775807\n");
  const Outcome outcome = moesim_run("trace stats " + file + " -o json");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const nlohmann::json row = nlohmann::json::parse(outcome.out)[0];
  EXPECT_EQ(row["schema"], "moesim.trace/1");
  EXPECT_EQ(row["column.schema"], "x");
  EXPECT_EQ(row["m.assignments"], "18446744073709551614");
}

}  // namespace
}  // namespace moesim
