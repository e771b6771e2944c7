#include "core/machine.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "core/machine_state.h"

namespace moesim {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

// A folder with the few files of /proc and /sys that are asked for.
class FakeMachine : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "moesim_machine_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void put(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  void put_memory(std::uint64_t total_mib, std::uint64_t available_mib) const {
    put("/proc/meminfo", "MemTotal:       " + std::to_string(total_mib * 1024) +
                             " kB\nMemFree:  1 kB\nMemAvailable:   " + std::to_string(available_mib * 1024) +
                             " kB\n");
  }
  std::uint64_t limit() const { return read_machine(root_).memory_limit_bytes; }
  int cores() const { return read_machine(root_).usable_cores; }

  std::string root_;
};

constexpr std::uint64_t four_fifths(std::uint64_t bytes) {
  return bytes / 10 * 8;
}

TEST_F(FakeMachine, SaysNothingItWasNotTold) {
  const MachineInfo machine = read_machine(root_);
  EXPECT_EQ(machine.processor, "");
  EXPECT_EQ(machine.last_level_cache_bytes, 0u);
  EXPECT_EQ(machine.memory_bytes, 0u);
  EXPECT_EQ(machine.memory_limit_bytes, 0u);
  EXPECT_GE(machine.usable_cores, 1);
}

TEST_F(FakeMachine, ReadsProcessorCacheAndMemory) {
  put("/proc/cpuinfo", "processor\t: 0\nmodel name\t: Example 9000 @ 3.0GHz\nmodel name\t: Other\n");
  put("/sys/devices/system/cpu/cpu0/cache/index0/size", "32K\n");
  put("/sys/devices/system/cpu/cpu0/cache/index2/size", "1024K\n");
  put("/sys/devices/system/cpu/cpu0/cache/index3/size", "32M\n");
  put_memory(1000, 800);
  const MachineInfo machine = read_machine(root_);
  EXPECT_EQ(machine.processor, "Example 9000 @ 3.0GHz");
  EXPECT_EQ(machine.last_level_cache_bytes, 32 * kMiB);
  EXPECT_EQ(machine.memory_bytes, 1000 * kMiB);
  EXPECT_EQ(machine.memory_limit_bytes, four_fifths(800 * kMiB));
}

TEST_F(FakeMachine, SurvivesNonsense) {
  put("/proc/cpuinfo", "model name\nmodel name\t:\n");
  put("/proc/meminfo", "MemTotal: lots\nMemAvailable\n");
  put("/sys/devices/system/cpu/cpu0/cache/index3/size", "big\n");
  put("/sys/fs/cgroup/memory.max", "");
  put("/sys/fs/cgroup/cpu.max", "x y");
  put("/proc/self/cgroup", "\n:\n0::\n1:memory\n2:memory:relative\n");
  const MachineInfo machine = read_machine(root_);
  EXPECT_EQ(machine.processor, "");
  EXPECT_EQ(machine.memory_limit_bytes, 0u);
  EXPECT_EQ(machine.last_level_cache_bytes, 0u);
}

TEST_F(FakeMachine, ContainerLimitCountsLessWhatIsUsed) {
  put_memory(16000, 12000);
  put("/sys/fs/cgroup/memory.max", "536870912\n");
  EXPECT_EQ(limit(), four_fifths(512 * kMiB));
  put("/sys/fs/cgroup/memory.current", "134217728\n");
  EXPECT_EQ(limit(), four_fifths(384 * kMiB));
  put("/sys/fs/cgroup/memory.stat", "anon 1\nfile 70000000\ninactive_file 67108864\n");
  EXPECT_EQ(limit(), four_fifths(448 * kMiB));  // 64 MiB of file pages can be given back
  put("/sys/fs/cgroup/memory.current", "999999999999\n");
  EXPECT_EQ(limit(), 0u);
  put("/sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(limit(), four_fifths(12000 * kMiB));
}

TEST_F(FakeMachine, ContainerLimitOfVersionOne) {
  put_memory(16000, 12000);
  put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(limit(), four_fifths(12000 * kMiB));
  EXPECT_FALSE(read_machine_state(root_).group_memory_bytes) << "as much as it can say: no limit";
  put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n");
  put("/sys/fs/cgroup/memory/memory.usage_in_bytes", "536870912\n");
  EXPECT_EQ(limit(), four_fifths(512 * kMiB));
}

TEST_F(FakeMachine, TheTightestGroupAboveTheProcessCounts) {
  put_memory(16000, 12000);
  put("/proc/self/cgroup", "3:cpu,cpuacct:/job\n2:memory:/job/step\n0::/user.slice/run.scope\n");
  put("/sys/fs/cgroup/memory.max", "max\n");
  put("/sys/fs/cgroup/user.slice/memory.max", "1073741824\n");
  put("/sys/fs/cgroup/user.slice/run.scope/memory.max", "2147483648\n");
  EXPECT_EQ(limit(), four_fifths(1024 * kMiB));
  put("/sys/fs/cgroup/user.slice/run.scope/memory.max", "104857600\n");
  EXPECT_EQ(limit(), four_fifths(100 * kMiB));
  put("/sys/fs/cgroup/memory/job/step/memory.limit_in_bytes", "52428800\n");
  EXPECT_EQ(limit(), four_fifths(50 * kMiB));
  put("/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "50000\n");
  put("/sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cores(), 1);
}

TEST_F(FakeMachine, QuotaLimitsTheCoresRoundedUp) {
  const int all = cores();
  put("/sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_EQ(cores(), all);
  put("/sys/fs/cgroup/cpu.max", "150000 100000\n");
  EXPECT_EQ(cores(), std::min(all, 2));
  put("/sys/fs/cgroup/cpu.max", "1000 100000\n");
  EXPECT_EQ(cores(), 1);
  put("/sys/fs/cgroup/cpu.max", "100000 0\n");
  EXPECT_EQ(cores(), all);
  put("/sys/fs/cgroup/cpu.max", "9000000000000000000 1\n");
  EXPECT_EQ(cores(), all);
  put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cores(), all);
}

TEST(Machine, ThisOneHasMemoryAndCores) {
  const MachineInfo machine = read_machine();
  EXPECT_GE(machine.usable_cores, 1);
  EXPECT_GT(machine.memory_bytes, 64 * kMiB);
  EXPECT_GT(machine.memory_limit_bytes, 0u);
  EXPECT_LE(machine.memory_limit_bytes, machine.memory_bytes);
  EXPECT_GT(peak_rss_bytes(), kMiB);
}

TEST_F(FakeMachine, ListsTheDataCachesSmallestFirst) {
  const auto put_cache = [&](int index, const char* level, const char* type, const char* size) {
    const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    put(folder + "level", level);
    put(folder + "type", type);
    put(folder + "size", size);
  };
  put_cache(0, "1\n", "Data\n", "48K\n");
  put_cache(1, "1\n", "Instruction\n", "64K\n");
  put_cache(2, "3\n", "Unified\n", "480M\n");
  put_cache(3, "2\n", "Unified\n", "2048K\n");
  put_cache(4, "4\n", "Unified\n", "much\n");
  const MachineInfo machine = read_machine(root_);
  ASSERT_EQ(machine.caches.size(), 3u);
  EXPECT_EQ(machine.caches[0].level, 1);
  EXPECT_EQ(machine.caches[0].bytes, 48u * 1024);
  EXPECT_EQ(machine.caches[1].level, 2);
  EXPECT_EQ(machine.caches[1].bytes, 2 * kMiB);
  EXPECT_EQ(machine.caches[2].level, 3);
  EXPECT_EQ(machine.last_level_cache_bytes, 480 * kMiB);
}

TEST_F(FakeMachine, StateIsUnknownWhereTheSystemSaysNothing) {
  const MachineState state = read_machine_state(root_);
  EXPECT_FALSE(state.quota_cores);
  EXPECT_FALSE(state.throttled_periods);
  EXPECT_FALSE(state.group_memory_bytes);
  EXPECT_FALSE(state.smt);
  EXPECT_FALSE(state.load_average);
  EXPECT_FALSE(state.cpu_pressure);
  EXPECT_EQ(state.governor, "");
  EXPECT_EQ(state.huge_pages, "");
  EXPECT_GE(state.allowed_cores, 1);
  EXPECT_FALSE(CpuWatch(root_).end());
}

TEST_F(FakeMachine, ReadsItsState) {
  put("/proc/self/cgroup", "0::/job\n");
  put("/sys/fs/cgroup/job/cpu.max", "150000 100000\n");
  put("/sys/fs/cgroup/cpu.max", "max 100000\n");
  put("/sys/fs/cgroup/job/cpu.stat", "usage_usec 5\nnr_periods 10\nnr_throttled 4\n");
  put("/sys/fs/cgroup/job/memory.max", "1048576\n");
  put("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n");
  put("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  put("/sys/devices/system/cpu/smt/active", "1\n");
  put("/proc/loadavg", "1.25 1.00 0.50 2/300 99\n");
  put("/proc/pressure/cpu", "some avg10=50.00 avg60=1.00 avg300=0.00 total=1\n");
  const MachineState state = read_machine_state(root_);
  EXPECT_EQ(state.quota_cores, 1.5);
  EXPECT_EQ(state.throttled_periods, 4u);
  EXPECT_EQ(state.group_memory_bytes, 1048576u);
  EXPECT_EQ(state.governor, "powersave");
  EXPECT_EQ(state.huge_pages, "madvise");
  EXPECT_EQ(state.smt, true);
  EXPECT_EQ(state.load_average, 1.25);
  EXPECT_EQ(state.cpu_pressure, 0.5);
}

TEST_F(FakeMachine, ShowsNoWordThatTheSystemWouldNotWrite) {
  put("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "\x1b[31mred\n");
  put("/sys/kernel/mm/transparent_hugepage/enabled", "[\x1b[2J] never\n");
  put("/sys/devices/system/cpu/smt/active", "yes\n");
  const MachineState state = read_machine_state(root_);
  EXPECT_EQ(state.governor, "");
  EXPECT_EQ(state.huge_pages, "");
  EXPECT_FALSE(state.smt);
}

TEST_F(FakeMachine, WatchesWhoHadTheProcessors) {
  put("/proc/stat", "cpu 100 0 0 1000 0 0 0 0\n");
  const CpuWatch watch(root_);
  put("/proc/stat", "cpu 100 0 0 1060 0 0 0 40\n");
  const auto use = watch.end();
  ASSERT_TRUE(use);
  EXPECT_DOUBLE_EQ(use->steal, 0.4);
  EXPECT_GE(use->others, 0.0);
  put("/proc/stat", "cpu 0 0 0 0 0 0 0 0\n");
  EXPECT_FALSE(watch.end()) << "a clock that runs backwards says nothing";
}

}  // namespace
}  // namespace moesim
