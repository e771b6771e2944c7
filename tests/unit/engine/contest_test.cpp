#include "engine/contest.h"

#include <gtest/gtest.h>

#include "engine/verdict.h"

namespace moesim {
namespace {

Contestant pretend(const std::string& name, double seconds, std::string* order) {
  Contestant contestant;
  contestant.result.name = name;
  contestant.result.tokens = 100;
  contestant.result.flops_per_token = 1e6;
  contestant.run = [name, seconds, order] {
    *order += name;
    return seconds;
  };
  return contestant;
}

ContestOptions options(double seconds, std::int64_t min_rounds) {
  return {.seconds = seconds,
          .min_rounds = min_rounds,
          .max_rounds = 50,
          .prepare = [](Index) {},
          .go_on = [](Index, double) { return true; }};
}

TEST(Contest, TurnsMirrorThemselves) {
  std::string order;
  std::vector<Contestant> contestants = {pretend("A", 1, &order), pretend("B", 1, &order),
                                         pretend("C", 1, &order)};
  EXPECT_EQ(run_contest(contestants, options(0, 4)), 4);
  EXPECT_EQ(order, "ABCCBAABCCBA");
  for (const Contestant& contestant : contestants) {
    EXPECT_EQ(contestant.result.samples.size(), 4u);
  }
}

TEST(Contest, TheMinimumWinsOverTheBudgetAndTheMaximumEndsIt) {
  std::string order;
  std::vector<Contestant> contestants = {pretend("A", 1, &order)};
  EXPECT_EQ(run_contest(contestants, options(0, 7)), 7);
  EXPECT_EQ(run_contest(contestants, options(1e9, 1)), 50);
}

TEST(Contest, CanBeStoppedBetweenRounds) {
  std::string order;
  std::vector<Contestant> contestants = {pretend("A", 1, &order)};
  ContestOptions stop = options(1e9, 5);
  stop.go_on = [](Index round, double) { return round < 2; };
  EXPECT_EQ(run_contest(contestants, stop), 3);
  EXPECT_EQ(contestants.front().result.samples.size(), 3u);
}

TEST(Contest, SamplesArePerStep) {
  std::string order;
  std::vector<Contestant> contestants = {pretend("A", 8, &order)};
  ContestOptions repeated = options(0, 2);
  repeated.repeats = 4;
  run_contest(contestants, repeated);
  EXPECT_EQ(contestants.front().result.samples.front().seconds, 2.0);
}

TEST(Contest, SummariesGiveRatesAndRatiosToTheFirst) {
  std::string order;
  std::vector<Contestant> contestants = {pretend("A", 0.5, &order), pretend("B", 0.25, &order)};
  run_contest(contestants, options(0, 8));
  summarise(contestants);
  EXPECT_DOUBLE_EQ(contestants[0].result.tokens_per_s.median, 200.0);
  EXPECT_DOUBLE_EQ(contestants[1].result.ratio.median, 2.0);
  EXPECT_DOUBLE_EQ(contestants[1].result.ratio.low, 2.0);
  EXPECT_DOUBLE_EQ(contestants[0].result.gflops, 100 * 1e6 / 0.5 / 1e9);
}

RunRecord record_with(double low, double high, double cores) {
  RunRecord record;
  record.build.optimised = true;
  record.build.build_type = "Release";
  record.machine.usable_cores = 2;
  record.timing.threads = 2;
  record.timing.effective_cores = cores;
  VariantResult moe;
  moe.name = "moe";
  moe.samples.resize(5);
  moe.tokens_per_s = {100, low, high};
  record.variants.push_back(moe);
  return record;
}

TEST(Verdict, OkNeedsANarrowIntervalAndTheCores) {
  RunRecord record = record_with(99, 101, 1.9);
  judge_timing(record, {});
  EXPECT_EQ(record.timing.verdict, Verdict::ok);
  EXPECT_TRUE(record.timing.reasons.empty());
}

TEST(Verdict, WideIntervalsAndMissingCoresAreNoisyWithTheReason) {
  RunRecord wide = record_with(90, 110, 1.9);
  judge_timing(wide, {});
  EXPECT_EQ(wide.timing.verdict, Verdict::noisy);
  EXPECT_EQ(wide.timing.reasons.at(0), "moe is known to ±10.0 %, the target is ±2.0 %");
  RunRecord shared = record_with(99, 101, 1.1);
  judge_timing(shared, {});
  EXPECT_EQ(shared.timing.reasons.at(0), "the 2 cores were worth 1.10: other work ran on this machine");
  RunRecord crowded = record_with(99, 101, 1.9);
  crowded.timing.threads = 7;
  judge_timing(crowded, {});
  EXPECT_EQ(crowded.timing.reasons.at(0), "7 threads on 2 usable cores");
}

TEST(Verdict, TooFewSamplesAndUnfitBuildsAreInvalid) {
  RunRecord few = record_with(99, 101, 1.9);
  few.variants.front().samples.resize(4);
  judge_timing(few, {});
  EXPECT_EQ(few.timing.verdict, Verdict::invalid);
  RunRecord debug = record_with(99, 101, 1.9);
  debug.build.optimised = false;
  debug.build.build_type = "Dev";
  judge_timing(debug, {});
  EXPECT_EQ(debug.timing.verdict, Verdict::invalid);
  EXPECT_EQ(debug.timing.reasons.at(0), "this is a Dev build; measure with the release build");
}

TEST(Verdict, AFewSamplesAreNeverOkHoweverFewWereAskedFor) {
  RunRecord record = record_with(100, 100, 1.9);
  record.variants.front().samples.resize(1);
  MeasureParams measure;
  measure.min_samples = 1;
  judge_timing(record, measure);
  EXPECT_EQ(record.timing.verdict, Verdict::noisy);
  EXPECT_EQ(record.timing.reasons.at(0), "moe has 1 sample: an interval needs 5");
}

TEST(Verdict, WeightsAreColdFromFourCachesOn) {
  RunRecord record = record_with(99, 101, 1.9);
  record.machine.last_level_cache_bytes = 1000;
  record.shape.num_layers = 2;
  record.timing.coldest_bytes_read = 3999;
  judge_weights(record);
  EXPECT_EQ(record.timing.weights, WeightState::warm);
  EXPECT_EQ(record.timing.layers_for_cold, 3);
  record.timing.coldest_bytes_read = 4000;
  judge_weights(record);
  EXPECT_EQ(record.timing.weights, WeightState::cold);
  record.machine.last_level_cache_bytes = std::uint64_t{1} << 40;
  judge_weights(record);
  EXPECT_EQ(record.timing.cold_threshold_bytes, 1024.0 * 1024 * 1024);
}

}  // namespace
}  // namespace moesim
