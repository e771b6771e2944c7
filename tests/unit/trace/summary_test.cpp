#include "trace/summary.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "recordings.h"

namespace moesim {
namespace {

using trace_test::block_of;
using trace_test::blocks_of;
using trace_test::MemoryRecording;
using trace_test::random_tokens;
using trace_test::recording_of;

std::vector<ChoiceBlock> two_layers(std::size_t length) {
  std::vector<ChoiceBlock> blocks =
      blocks_of(random_tokens({.tokens = 600, .experts = 16, .top_k = 4, .seed = 2}), length, 3);
  for (const ChoiceBlock& block :
       blocks_of(random_tokens({.tokens = 600, .experts = 12, .top_k = 4, .seed = 5}), length, 7)) {
    blocks.push_back(block);
  }
  return blocks;
}

void expect_same(const TraceSummary& a, const TraceSummary& b) {
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (std::size_t l = 0; l < a.layers.size(); ++l) {
    const LayerSummary& x = a.layers[l];
    const LayerSummary& y = b.layers[l];
    EXPECT_EQ(x.load.count, y.load.count);
    EXPECT_EQ(x.stats.cv, y.stats.cv);
    EXPECT_EQ(x.floor->cv.p95, y.floor->cv.p95);
    EXPECT_EQ(x.pairs->departure, y.pairs->departure);
    EXPECT_EQ(x.repetition->any_of_two.observed, y.repetition->any_of_two.observed);
    EXPECT_EQ(x.generator->pairs_misfit_with_affinity, y.generator->pairs_misfit_with_affinity);
    EXPECT_EQ(x.vocabulary->popularity, y.vocabulary->popularity);
    for (std::size_t d = 0; d < x.distinct.size(); ++d) {
      EXPECT_EQ(x.distinct[d].neighbours, y.distinct[d].neighbours);
      EXPECT_EQ(x.distinct[d].mixed, y.distinct[d].mixed);
    }
    for (std::size_t c = 0; c < x.caches->rates.size(); ++c) {
      EXPECT_EQ(x.caches->rates[c].lfu, y.caches->rates[c].lfu);
    }
  }
}

TEST(Summary, IsTheSameForAnyThreadsAndAnyBlocks) {
  const Context one({.threads = 1});
  const TraceSummary expected = summarise(*recording_of(two_layers(600)), {}, one);
  ASSERT_EQ(expected.layers.size(), 2U);
  EXPECT_EQ(expected.layers[0].layer, 3);
  EXPECT_EQ(expected.layers[1].num_experts(), 16);  // as wide as the other layer of the group
  EXPECT_EQ(expected.layers[1].stats.dead_experts, 4);
  EXPECT_EQ(expected.layers[0].to_next->to, 7);
  EXPECT_FALSE(expected.layers[1].to_next.has_value());
  EXPECT_EQ(expected.assignments, 4800U);
  for (const int threads : {1, 2, 3}) {
    const Context context({.threads = threads, .task_delay_seed = 5});
    for (const std::size_t length : {41U, 600U}) {
      expect_same(expected, summarise(*recording_of(two_layers(length)), {}, context));
    }
  }
}

TEST(Summary, LooksAtOneLayerAlone) {
  const Context context({.threads = 1});
  const TraceSummary summary = summarise(*recording_of(two_layers(50)), {.layer = 7}, context);
  ASSERT_EQ(summary.layers.size(), 1U);
  EXPECT_EQ(summary.layers[0].num_experts(), 12);
  try {
    summarise(*recording_of(two_layers(50)), {.layer = 4}, context);
    FAIL() << "layer 4 is in no block";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_STREQ(
        error.what(),
        "--layer: error: 4 is in no part of the recording; expected one of its layers 3, 7 [out-of-range]");
  }
}

TEST(Summary, KeepsNothingWhereNothingIsToBeKept) {
  const Context context({.threads = 1});
  const TraceSummary summary = summarise(*recording_of(two_layers(50), 32), {.kept_tokens = 0}, context);
  EXPECT_FALSE(summary.layers[0].caches.has_value());
  EXPECT_FALSE(summary.layers[0].generator.has_value());
  EXPECT_FALSE(summary.layers[0].to_next.has_value());
  EXPECT_EQ(summary.layers[0].distinct[1].draws, 0U);
  EXPECT_GT(summary.layers[0].distinct[1].windows, 0U);
  EXPECT_EQ(summary.layers[0].num_experts(), 32);
}

TEST(Summary, OfCountsHasStepsVocabularyAndDomains) {
  MemoryRecording recording;
  recording.information.source = "memory";
  for (const char* domain : {"code", "prose"}) {
    recording.information.groups.push_back(
        {.model = "m", .domain = domain, .labels = {}, .num_experts = 4, .top_k = 2});
  }
  const auto add = [&](Index group, Index step, std::int64_t token, std::vector<std::uint64_t> count) {
    recording.counts.push_back(
        {.group = group, .layer = 1, .step = step, .token_id = token, .count = std::move(count)});
  };
  add(0, 0, -1, {4, 0, 2, 2});
  add(0, 1, -1, {0, 4, 2, 2});
  add(1, 0, 17, {2, 0, 1, 1});
  add(1, 0, 18, {0, 2, 2, 0});
  const Context context({.threads = 2});
  const TraceSummary summary = summarise(recording, {}, context);
  ASSERT_EQ(summary.layers.size(), 2U);
  EXPECT_EQ(summary.layers[0].steps, 2);
  EXPECT_DOUBLE_EQ(summary.layers[0].stats.max_violation, 0.0);
  EXPECT_DOUBLE_EQ(summary.layers[0].mean_step_max_violation, 1.0);
  EXPECT_EQ(summary.layers[0].load.tokens, 8U);
  EXPECT_FALSE(summary.layers[0].vocabulary.has_value());
  EXPECT_EQ(summary.layers[1].vocabulary->ids, 2U);
  EXPECT_DOUBLE_EQ(summary.layers[1].vocabulary->share, 1.0);
  EXPECT_DOUBLE_EQ(summary.layers[0].domain.chance, 0.5);
  EXPECT_GT(summary.layers[0].domain.distance, 0.0);
  EXPECT_FALSE(summary.layers[0].repetition.has_value());
}

// Nobody says how many experts a token chose: ids with few occurrences do.
TEST(Summary, FindsTheExpertsOfATokenInItsVocabulary) {
  MemoryRecording recording;
  recording.information.source = "memory";
  recording.information.groups.push_back({.model = "m", .domain = "", .labels = {}, .num_experts = 4});
  for (const auto& [id, count] : std::vector<std::pair<std::int64_t, std::vector<std::uint64_t>>>{
           {3, {2, 0, 0, 2}}, {4, {3, 1, 1, 1}}, {8, {0, 1, 1, 0}}}) {
    recording.counts.push_back({.group = 0, .layer = 0, .step = 0, .token_id = id, .count = count});
  }
  const Context context({.threads = 1});
  const TraceSummary summary = summarise(recording, {}, context);
  EXPECT_EQ(summary.layers[0].load.tokens, 6U);
  EXPECT_EQ(summary.info.groups[0].top_k, 2);
  EXPECT_EQ(summary.layers[0].vocabulary->occurrences, 6U);
  ASSERT_EQ(summary.info.notes.size(), 1U);
  EXPECT_EQ(
      summary.info.notes[0],
      "the file does not say how many experts a token chose; taken is 2, the largest number that divides "
      "the choices of every vocabulary id");
}

TEST(Summary, RefusesWhatNoModelHas) {
  const Context context({.threads = 1});
  const auto message = [&](std::vector<ChoiceBlock> blocks) -> std::string {
    try {
      summarise(*recording_of(std::move(blocks)), {}, context);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message({block_of({{{70000}}})}),
            "memory: error: expert 70000 in layer 0; expected experts below 65536 [too-large]");
  std::vector<ChoiceBlock> many;
  for (Index layer = 0; layer < 100; ++layer) {
    many.push_back(block_of({{{65535}}}, layer));
  }
  EXPECT_EQ(message(many),
            "memory: error: 6553600 experts in 100 layers; expected at most 4194304 of all layers together "
            "[too-large]");
  EXPECT_EQ(message({}), "memory: error: nothing was recorded; expected choices or counts [empty-file]");
}

TEST(Summary, LeavesPairsOutWhereTheyWouldFillMemory) {
  const Context context({.threads = 1});
  const TraceSummary summary =
      summarise(*recording_of({block_of({{{65535, 1}}, {{65535, 1}}})}), {}, context);
  EXPECT_FALSE(summary.layers[0].pairs.has_value());
  EXPECT_EQ(summary.info.notes.size(), 1U);
  EXPECT_LT(summary.layers[0].repetition->any_of_two.popularity, 0.0);
  EXPECT_EQ(summary.layers[0].repetition->same_first.observed, 1.0);
}

TEST(Join, SequencesOfFilesDoNotMeet) {
  const Context context({.threads = 1});
  std::vector<std::unique_ptr<Recording>> files;
  for (std::uint64_t file = 0; file < 3; ++file) {
    auto blocks = blocks_of(random_tokens({.tokens = 100, .sequence_length = 100, .seed = 3}), 30, 0);
    for (const ChoiceBlock& block :
         blocks_of(random_tokens({.tokens = 100, .sequence_length = 100}), 30, 1)) {
      blocks.push_back(block);
    }
    files.push_back(recording_of(std::move(blocks)));
  }
  const TraceSummary summary = summarise(*join_recordings(std::move(files)), {}, context);
  ASSERT_EQ(summary.layers.size(), 2U);
  EXPECT_EQ(summary.info.groups.size(), 1U);
  EXPECT_EQ(summary.layers[0].load.tokens, 300U);
  EXPECT_EQ(summary.layers[0].repetition->neighbours, 297U);
  EXPECT_EQ(summary.layers[0].caches->sequences, 3U);
  EXPECT_EQ(summary.layers[0].to_next->tokens, 300U);
  EXPECT_GT(summary.layers[0].distinct[1].draws, 0U);
}

TEST(Join, FilesOfSeveralKindsAreRefused) {
  std::vector<std::unique_ptr<Recording>> files;
  files.push_back(recording_of({}));
  files.push_back(std::make_unique<MemoryRecording>());
  EXPECT_THROW(join_recordings(std::move(files)), Error);
}

}  // namespace
}  // namespace moesim
