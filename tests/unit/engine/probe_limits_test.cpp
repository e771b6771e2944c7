#include "engine/probe_limits.h"

#include <gtest/gtest.h>

#include "core/build_info.h"

namespace moesim {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

TEST(ProbeLimits, MeasureWhatTheirReaderAccepts) {
  const std::unique_ptr<Executor> executor = default_executor();
  const std::unique_ptr<Executor> narrow = default_executor("int8");
  double last = 0;
  const MachineLimits limits = measure_limits({.threads = 2,
                                               .executors = {executor.get(), narrow.get()},
                                               .memory_bytes = 16 * kMiB,
                                               .rounds = 3,
                                               .on_progress = [&last](double fraction) {
                                                 EXPECT_GT(fraction, last);
                                                 last = fraction;
                                               }});
  EXPECT_EQ(last, 1.0);
  EXPECT_TRUE(limits_from(flatten(limits)));
  EXPECT_EQ(limits.threads, 2);
  EXPECT_EQ(limits.instructions, instruction_set(probe_kernels(*executor)));
  EXPECT_NE(limits.find_layout(executor->layout()), nullptr);
  EXPECT_NE(limits.find_layout(narrow->layout()), nullptr);
  EXPECT_EQ(limits.reads.back().level, 0);
  EXPECT_EQ(limits.reads.back().bytes, 16 * kMiB);
  for (std::size_t i = 1; i < limits.reads.size(); ++i) {
    EXPECT_LE(limits.reads[i - 1].bytes, limits.reads[i].bytes);
  }
  const LimitsKey key = limits_key(2);
  EXPECT_EQ(key.processor, limits.processor);
  EXPECT_EQ(key.instructions, limits.instructions);
  EXPECT_EQ(key.version, limits.version);
}

TEST(ProbeLimits, TheLargestBufferIsBeyondTheCachesWhereMemoryAllows) {
  MachineInfo machine;
  EXPECT_EQ(beyond_caches(machine), 512 * kMiB);
  machine.last_level_cache_bytes = 200 * kMiB;
  EXPECT_EQ(beyond_caches(machine), 800 * kMiB);
  machine.last_level_cache_bytes = 1 << 30;
  EXPECT_EQ(beyond_caches(machine), 1024 * kMiB);
  machine.memory_limit_bytes = 400 * kMiB;
  EXPECT_EQ(beyond_caches(machine), 100 * kMiB);
}

TEST(Probe, RatesAreThoseOfWorkThatWasDone) {
  const std::unique_ptr<Executor> executor = default_executor();
  const KernelSet& kernels = probe_kernels(*executor);
  const Context context({.threads = 2});
  const PeakSample peak = measure_peak(kernels, context, 1e-4);
  EXPECT_GT(peak.one, 1e6);
  EXPECT_GT(peak.all, 1e6);
  const std::vector<float> buffer(100'003, 1.0F);
  EXPECT_GT(read_rate(kernels, context, buffer, 2, 1e-4), 1e5);
  PlainReader reader(kernels, {std::span<const float>(buffer).first(70'000), {}, buffer});
  EXPECT_EQ(reader.bytes(), 170'003 * sizeof(float));
  for (int i = 0; i < 5; ++i) {
    EXPECT_GT(reader.read(300'000, context), 1e5) << "also across the end";
  }
  EXPECT_GT(reader.read(10 * reader.bytes(), context), 1e5) << "more than there is";
  EXPECT_EQ(PlainReader(kernels, {}).read(1000, context), 0);
}

}  // namespace
}  // namespace moesim
