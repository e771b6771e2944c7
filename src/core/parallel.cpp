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
  std::vector<BlockSpan> spans;
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
  std::vector<Slot> slots;
  bool timeline = false;
  Stopwatch timeline_watch;
  const char* stage = "";
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
    const double begin = impl.timeline ? impl.timeline_watch.seconds() : 0;
    const Stopwatch watch;
    body(i);
    const int place = tbb::this_task_arena::current_thread_index();
    Slot& slot = impl.slots[static_cast<std::size_t>(place)];
    slot.used = true;
    slot.busy_seconds += watch.seconds();
    if (impl.timeline) {
      slot.spans.push_back({place, impl.stage, begin, impl.timeline_watch.seconds()});
    }
  };
  if (impl.options.threads == 1 && impl.options.task_delay_seed == 0 && !impl.timeline) {
    impl.arena.execute([&] {  // no tasks, and the clock is read twice in all
      const Stopwatch watch;
      for (Index i = 0; i < count; ++i) {
        body(i);
      }
      impl.slots.front().used = true;
      impl.slots.front().busy_seconds += watch.seconds();
    });
    return;
  }
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
    slot.busy_seconds = 0;
    slot.used = false;
  }
}

void Context::start_timeline() const {
  impl_->timeline = true;
  impl_->timeline_watch.lap();
}

std::vector<BlockSpan> Context::stop_timeline() const {
  std::vector<BlockSpan> all;
  for (Slot& slot : impl_->slots) {
    all.insert(all.end(), slot.spans.begin(), slot.spans.end());
    slot.spans.clear();
  }
  impl_->timeline = false;
  return all;
}

void Context::name_stage(const char* stage) const {
  impl_->stage = stage;
}

double Context::busy_seconds(int slot) const {
  MOESIM_CHECK(slot >= 0 && slot < threads(), "the busy time of a slot the arena does not have");
  return impl_->slots[static_cast<std::size_t>(slot)].busy_seconds;
}

}  // namespace moesim
