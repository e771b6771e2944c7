#include "bench/peers/worker_process.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/stopwatch.h"

namespace moesim::bench {
namespace {

constexpr int kPatience_ms = 200;

template <class Talk>
std::string why_it_fails(const Talk& talk) {
  try {
    talk();
  } catch (const Error& error) {
    return error.what();
  }
  return "it does not fail";
}

TEST(WorkerProcess, AnswersTimeAndAgain) {
  WorkerProcess worker({"cat"}, kPatience_ms * 50);
  std::vector<float> sent(4000);  // as much as both pipes hold: cat is not read from while it is written to
  for (std::size_t i = 0; i < sent.size(); ++i) {
    sent[i] = static_cast<float>(i);
  }
  std::vector<float> received(sent.size());
  for (int turn = 0; turn < 20; ++turn) {
    worker.send_numbers(std::span<const float>(sent));
    worker.receive_numbers(received);
    ASSERT_EQ(received, sent) << turn;
  }
  worker.send({{"a", 1}});
  EXPECT_EQ(worker.receive()["a"], 1);
}

// More than a pipe holds, to one that is slow to read it.
TEST(WorkerProcess, WaitsForOneThatReadsSlowly) {
  WorkerProcess worker({"sh", "-c", "sleep 0.3; head -c 4000000 >/dev/null; echo '{\"read\": true}'"},
                       30'000);
  worker.send_numbers(std::span<const float>(std::vector<float>(1'000'000)));
  EXPECT_EQ(worker.receive()["read"], true);
}

TEST(WorkerProcess, OneThatDoesNotReadIsAnErrorAndNoHang) {
  WorkerProcess worker({"sleep", "30"}, kPatience_ms);
  const Stopwatch watch;
  const std::vector<float> much(10'000'000);
  EXPECT_EQ(why_it_fails([&] { worker.send_numbers(std::span<const float>(much)); }),
            "the worker reads nothing");
  EXPECT_LT(watch.seconds(), 20);
}

TEST(WorkerProcess, OneThatSaysNothingIsAnErrorAndNoHang) {
  WorkerProcess worker({"sleep", "30"}, kPatience_ms);
  EXPECT_EQ(why_it_fails([&] { worker.receive(); }), "the worker says nothing");
}

TEST(WorkerProcess, OneThatHasEndedIsAnError) {
  WorkerProcess worker({"true"}, kPatience_ms * 50);
  EXPECT_EQ(why_it_fails([&] { worker.receive(); }), "the worker has ended");
  // Its output is closed a moment before its input.
  const std::string why = why_it_fails([&] {
    for (int turn = 0; turn < 1000; ++turn) {
      worker.send({{"a", 1}});
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  EXPECT_EQ(why.rfind("the worker has ended: ", 0), 0u) << why;
}

}  // namespace
}  // namespace moesim::bench
