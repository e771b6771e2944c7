#pragma once
// The one parallel pattern of the project: independent blocks, each writing only what it owns. Blocks come
// from the plan and the config, never from the number of threads, so results have the same bits on any
// number of threads. Everything that is summed is summed in index order by the caller afterwards.

#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "core/matrix.h"

namespace moesim {

// A borrowed callable: no allocation, valid only during the call that takes it.
class BlockBody {
 public:
  template <class F, class = std::enable_if_t<!std::is_same_v<std::remove_cvref_t<F>, BlockBody>>>
  BlockBody(F&& f)  // NOLINT(google-explicit-constructor): passing a lambda is the point
      : object_(const_cast<void*>(static_cast<const void*>(&f))),
        call_([](void* object, Index i) { (*static_cast<std::remove_reference_t<F>*>(object))(i); }) {}
  void operator()(Index i) const { call_(object_, i); }

 private:
  void* object_;
  void (*call_)(void*, Index);
};

// One block of a timeline: who worked when, in seconds since the timeline was started, and on what.
struct BlockSpan {
  int slot = 0;
  const char* stage = "";  // as named with name_stage()
  double begin_s = 0;
  double end_s = 0;
};

struct ContextOptions {
  int threads = 1;  // size of the arena; above the machine's cores only with a global_control
  std::uint64_t task_delay_seed = 0;  // not 0: each block waits a random while first (tests only)
};

// The threads of a run, passed by reference to everything parallel. Making one also fixes the cache sizes by
// which Eigen blocks its products: what it would detect differs between machines, and with it the bits of the
// results.
class Context {
 public:
  explicit Context(const ContextOptions& options);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  int threads() const;

  // Calls body(i) once for each i in [0, count), in any order, from the arena's threads, and returns when all
  // are done. The first exception thrown by a body is rethrown here.
  void for_each_block(Index count, BlockBody body) const;

  // How many different threads have run a block since the last reset.
  int participants() const;
  void reset_participants() const;
  // Blocks and busy seconds of each arena slot since the last reset: who did how much.
  double busy_seconds(int slot) const;

  // A timeline costs memory for each block: for one step that is looked at, never for one that is timed.
  void start_timeline() const;
  std::vector<BlockSpan> stop_timeline() const;  // by slot, then by time
  // What the blocks from now on belong to; a text that outlives the timeline.
  void name_stage(const char* stage) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace moesim
