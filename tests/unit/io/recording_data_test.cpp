// The public recordings themselves, where MOESIM_DATA names the folder that has them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <numeric>

#include "io/recording_write.h"
#include "recording_reading.h"
#include "temporary_folder.h"

namespace moesim {
namespace {

namespace fs = std::filesystem;

class RecordingData : public TemporaryFolder {
 protected:
  void SetUp() override {
    const char* data = std::getenv("MOESIM_DATA");
    traces_ = data == nullptr ? "" : std::string(data) + "/traces";
    if (traces_.empty() || !fs::is_directory(traces_)) {
      GTEST_SKIP() << "skipped: data not present";
    }
  }
  std::string converted(const std::string& from, const std::string& to) {
    const std::unique_ptr<Recording> recording = open_recording(from, {});
    const std::string path = in_folder(to);
    const std::unique_ptr<RecordingWriter> writer = write_recording(path, recording->info());
    copy_recording(*recording, *writer);
    writer->close();
    return path;
  }
  std::string traces_;
};

std::uint64_t sum(const std::vector<std::uint64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

TEST_F(RecordingData, ExpertCounts) {
  const ReadRecording one = read_recording(
      traces_ + "/olmoe_mixtral/expert_counts.csv",
      {.where = {{"model", "Mixtral-8x7B-v0.1"}, {"domain", "wikipedia"}, {"ranks_counted", "top1"}},
       .form = "",
       .model = ""});
  ASSERT_EQ(one.info.groups.size(), 1U);
  EXPECT_EQ(one.info.groups[0].num_experts, 8);
  EXPECT_EQ(one.info.groups[0].top_k, 2);
  ASSERT_EQ(one.counts.size(), 3U);
  EXPECT_THAT(one.counts[0].count,
              testing::ElementsAre(26079, 33100, 34070, 30029, 29892, 15929, 21605, 18192));
  EXPECT_EQ(read_recording(traces_ + "/olmoe_mixtral/expert_counts.csv").info.groups.size(), 16U);
}

TEST_F(RecordingData, TokenToExpert) {
  for (const auto& entry : fs::directory_iterator(traces_ + "/olmoe_mixtral/token_expert")) {
    const ReadRecording read = read_recording(entry.path());
    EXPECT_EQ(read.info.form, "token-expert-csv");
    std::map<Index, std::uint64_t> by_layer;
    for (const RecordedCounts& counts : read.counts) {
      EXPECT_GE(counts.token_id, 0);
      by_layer[counts.layer] += sum(counts.count);
    }
    ASSERT_EQ(by_layer.size(), 3U);
    EXPECT_EQ(by_layer.begin()->second, by_layer.rbegin()->second)
        << entry.path();  // all layers see all tokens
  }
}

TEST_F(RecordingData, GptOssSequences) {
  int files = 0;
  for (const auto& entry : fs::directory_iterator(traces_ + "/gpt_oss_20b/sequences")) {
    const ReadRecording read = read_recording(entry.path());
    EXPECT_EQ(read.info.form, "gpt-oss-csv");
    EXPECT_EQ(read.info.groups.at(0).top_k, 4);
    EXPECT_EQ(read.info.groups.at(0).num_experts, 32);
    EXPECT_EQ(read.blocks.size() % 24, 0U);
    ++files;
  }
  EXPECT_EQ(files, 20);
}

TEST_F(RecordingData, Granite) {
  const ReadRecording read = read_recording(traces_ + "/granite_1b/granite_length_cap.jsonl");
  EXPECT_EQ(read.info.form, "simllm-jsonl");
  EXPECT_EQ(read.info.groups.at(0).model, "ibm-granite/granite-3.0-1b-a400m-instruct");
  ASSERT_EQ(read.blocks.size(), 24U);
  EXPECT_EQ(read.blocks[23].num_tokens(), 22);
  EXPECT_EQ(read.blocks[0].token_id[1], 496);
}

// Counts from the choices of one trace and from its sums are the same, whatever form holds them.
TEST_F(RecordingData, SumsOfEveryForm) {
  const std::string trace = traces_ + "/gpt_oss_20b/sequences/mmlu_test_sociology_true_false.csv";
  const std::string counts = contents(converted(trace, "counts.csv"));
  EXPECT_NE(counts.find("\n23,31,"), std::string::npos);
  for (const char* name : {"a.csv", "a.jsonl", "a.moer", "a.moer.zst", "a.jsonl.zst"}) {
    EXPECT_EQ(contents(converted(converted(trace, name), "again.counts.csv")), counts) << name;
  }
}

TEST_F(RecordingData, EveryOtherFileIsRefused) {
  for (const char* name : {"olmoe_mixtral/crosslayer_top1_counts.csv", "gpt_oss_20b/sequences_index.csv",
                           "gpt_oss_20b/expert_frequency_by_topic.csv"}) {
    const Refusal refusal = refusal_of([&] { read_recording(traces_ + "/" + name); });
    EXPECT_NE(refusal.message.find("[recording-form]"), std::string::npos) << name;
    EXPECT_NE(refusal.help.find("gpt-oss-csv"), std::string::npos);
  }
}

}  // namespace
}  // namespace moesim
