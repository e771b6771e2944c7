// Must be reported by ThreadSanitizer: two tasks add to one plain number. If it is not, the detector is
// blind.
#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>

int main() {
  const tbb::global_control workers(tbb::global_control::max_allowed_parallelism, 8);
  std::atomic<int> started = 0;
  long sum = 0;
  const auto work = [&](const tbb::blocked_range<int>& range) {
    // Relaxed, so that the meeting itself puts the additions in no order; bounded, for a machine too busy for
    // it.
    started.fetch_add(1, std::memory_order_relaxed);
    const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (started.load(std::memory_order_relaxed) < 2 && std::chrono::steady_clock::now() < late) {
      std::this_thread::yield();
    }
    for (int i = range.begin(); i < range.end(); ++i) {
      sum += i;
    }
  };
  tbb::parallel_for(tbb::blocked_range<int>(0, 2), work, tbb::simple_partitioner());
  std::printf("%ld\n", sum);
  return 0;
}
