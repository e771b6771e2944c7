#include "core/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/random.h"

namespace moesim {
namespace {

// A body that returns only once `count` threads are inside at the same time.
class MeetingPoint {
 public:
  explicit MeetingPoint(int count) : count_(count) {}

  bool arrive() {
    ++arrived_;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (arrived_ < count_) {
      if (std::chrono::steady_clock::now() > end) {
        return false;
      }
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    return true;
  }

 private:
  int count_;
  std::atomic<int> arrived_{0};
};

TEST(ForEachBlock, RunsEveryBlockOnce) {
  for (const int threads : {1, 2, 3, 7}) {
    const Context context({.threads = threads});
    for (const Index count : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
      context.for_each_block(count, [&](Index i) { ++runs[static_cast<std::size_t>(i)]; });
      for (const std::atomic<int>& n : runs) {
        EXPECT_EQ(n, 1);
      }
    }
  }
}

TEST(ForEachBlock, OfANegativeCountRunsNothing) {
  const Context context({.threads = 2});
  context.for_each_block(-3, [](Index) { FAIL(); });
}

TEST(ForEachBlock, SevenThreadsMeetOnAnyMachine) {
  const Context context({.threads = 7});
  MeetingPoint point(7);
  std::atomic<int> met{0};
  context.for_each_block(7, [&](Index) { met += point.arrive() ? 1 : 0; });
  EXPECT_EQ(met, 7);
  EXPECT_EQ(context.participants(), 7);
  EXPECT_EQ(context.threads(), 7);
}

TEST(ForEachBlock, RethrowsWhatABodyThrowsAndCanBeUsedAgain) {
  const Context context({.threads = 3});
  for (int repetition = 0; repetition < 20; ++repetition) {
    try {
      context.for_each_block(100, [](Index i) {
        if (i == 42) {
          throw Error(ErrorKind::bad_data, "block 42");
        }
      });
      ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), "block 42");
      EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    }
    std::atomic<int> runs{0};
    context.for_each_block(10, [&](Index) { ++runs; });
    EXPECT_EQ(runs, 10);
  }
}

TEST(ForEachBlock, NestsAndKeepsTheOuterResult) {
  const Context context({.threads = 3});
  std::vector<std::atomic<int>> runs(12);
  context.for_each_block(3, [&](Index outer) {
    context.for_each_block(4, [&](Index inner) { ++runs[static_cast<std::size_t>(outer * 4 + inner)]; });
  });
  EXPECT_TRUE(std::all_of(runs.begin(), runs.end(), [](const std::atomic<int>& n) { return n == 1; }));
}

TEST(ForEachBlock, DelaysDoNotChangeResults) {
  const auto result = [](int threads, std::uint64_t delay_seed) {
    const Context context({.threads = threads, .task_delay_seed = delay_seed});
    std::vector<float> numbers(64 * 8);
    context.for_each_block(64, [&](Index i) {
      fill_normal({.seed = 1}, static_cast<std::uint64_t>(i), 1.0f,
                  std::span(numbers).subspan(static_cast<std::size_t>(i) * 8, 8));
    });
    return numbers;
  };
  const std::vector<float> expected = result(1, 0);
  for (const std::uint64_t seed : {1, 2, 3}) {
    EXPECT_EQ(result(7, seed), expected);
    EXPECT_EQ(result(2, seed), expected);
  }
}

TEST(ForEachBlock, ADelayTakesTime) {
  const Context context({.threads = 1, .task_delay_seed = 9});
  const auto start = std::chrono::steady_clock::now();
  context.for_each_block(200, [](Index) {});
  // 200 delays of 0 to 199 microseconds, 100 on average.
  EXPECT_GT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(10));
}

TEST(Participants, CountThreadsSinceTheReset) {
  const Context context({.threads = 4});
  EXPECT_EQ(context.participants(), 0);
  MeetingPoint point(3);
  context.for_each_block(3, [&](Index) { EXPECT_TRUE(point.arrive()); });
  EXPECT_EQ(context.participants(), 3);
  context.reset_participants();
  EXPECT_EQ(context.participants(), 0);
  context.for_each_block(1, [](Index) {});
  EXPECT_EQ(context.participants(), 1);
}

TEST(BusySeconds, SayWhoDidHowMuch) {
  const Context context({.threads = 2});
  context.for_each_block(4, [](Index) { std::this_thread::sleep_for(std::chrono::milliseconds(5)); });
  EXPECT_GE(context.busy_seconds(0) + context.busy_seconds(1), 0.019);
  context.reset_participants();
  EXPECT_EQ(context.busy_seconds(0) + context.busy_seconds(1), 0.0);
  EXPECT_THROW(context.busy_seconds(2), Error);
  EXPECT_THROW(context.busy_seconds(-1), Error);
}

TEST(Context, NeedsAThread) {
  EXPECT_THROW(Context({.threads = 0}), Error);
  EXPECT_THROW(Context({.threads = -1}), Error);
}

}  // namespace
}  // namespace moesim
