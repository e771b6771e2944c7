#include "core/parallel.h"

#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <Eigen/Core>
#include <chrono>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "core/stopwatch.h"

namespace moesim {
namespace {

// One cache line per arena slot: a thread writes only its own.
struct alignas(64) Slot {
  double busy_seconds = 0;
  bool used = false;
};

// TBB takes a negative number for "choose yourself".
const ContextOptions& checked(const ContextOptions& options) {
  MOESIM_CHECK(options.threads >= 1, "a context without threads");
  return options;
}

}  // namespace

struct Context::Impl {
  explicit Impl(const ContextOptions& o)
      : options(checked(o)), arena(o.threads), slots(static_cast<std::size_t>(o.threads)) {
    arena.initialize();
  }
  ContextOptions options;
  tbb::task_arena arena;
  mutable std::vector<Slot> slots;
};

Context::Context(const ContextOptions& options) : impl_(std::make_unique<Impl>(options)) {
  constexpr std::ptrdiff_t kKiB = 1024;
  Eigen::setCpuCacheSizes(32 * kKiB, 1024 * kKiB, 16 * 1024 * kKiB);
}
Context::~Context() = default;

int Context::threads() const {
  return impl_->options.threads;
}

void Context::for_each_block(Index count, BlockBody body) const {
  if (count <= 0) {
    return;
  }
  Impl& impl = *impl_;
  const auto run_one = [&impl, body](Index i) {
    if (impl.options.task_delay_seed != 0) {
      const RandomKey key{.seed = impl.options.task_delay_seed, .stream = Stream::task_delay};
      std::this_thread::sleep_for(
          std::chrono::microseconds(random_bits(key, static_cast<std::uint64_t>(i))[0] % 200));
    }
    const Stopwatch watch;
    body(i);
    Slot& slot = impl.slots[static_cast<std::size_t>(tbb::this_task_arena::current_thread_index())];
    slot.used = true;
    slot.busy_seconds += watch.seconds();
  };
  impl.arena.execute([&] {
    tbb::parallel_for(
        tbb::blocked_range<Index>(0, count, 1),
        [&run_one](const tbb::blocked_range<Index>& range) {
          for (Index i = range.begin(); i != range.end(); ++i) {
            run_one(i);
          }
        },
        tbb::simple_partitioner());
  });
}

int Context::participants() const {
  int count = 0;
  for (const Slot& slot : impl_->slots) {
    count += slot.used ? 1 : 0;
  }
  return count;
}

void Context::reset_participants() const {
  for (Slot& slot : impl_->slots) {
    slot = Slot{};
  }
}

double Context::busy_seconds(int slot) const {
  MOESIM_CHECK(slot >= 0 && slot < threads(), "the busy time of a slot the arena does not have");
  return impl_->slots[static_cast<std::size_t>(slot)].busy_seconds;
}

}  // namespace moesim
