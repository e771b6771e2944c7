#pragma once
// Where the logits of a closed loop come from, step by step. A stream is a pure function of (config, seed,
// step): any step can be made alone, and every controller sees the same.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/binder.h"
#include "config/load.h"
#include "core/catalogue.h"
#include "core/parallel.h"
#include "router/gate.h"
#include "workload/workload.h"

namespace moesim {

// Writes the logits [T,E] of a step and, where the stream has a gate whose noise is learned, the deviations
// of that noise; same bits for any number of threads.
using FillLogits = std::function<void(Index step, const GateOutput& out, const Context& context)>;

class LogitStream {
 public:
  virtual ~LogitStream() = default;
  // Allocates what the stream needs: not before the memory was checked. The stream must outlive the function.
  virtual FillLogits open() const = 0;
  // Steps there are; 0: as many as one likes.
  virtual Index steps() const { return 0; }
};

struct GivenLayer;  // engine/given_layer.h

struct LogitStreamScene {
  const ConfigSource& source;  // what relative paths are relative to
  const Workload* workload =
      nullptr;  // T = workload->tokens(); outlives the stream; nullptr: it has problems
  std::uint64_t seed = 0;
  Index num_experts = 0;  // E, the whole pool
  Index d_model = 0;
  GateRule gate_rule{};
  const GivenLayer* given = nullptr;  // whose gate it is; null: a seeded one. Outlives the stream
};

struct LogitStreamEntry {
  std::string name;     // the value of balance.stream.kind
  std::string summary;  // one line
  std::vector<FieldInfo> (*fields)();
  // Binds the section balance.stream, reports problems and returns the stream, or nullptr: also without a
  // workload.
  std::unique_ptr<LogitStream> (*make)(Binder& binder, const Node& section, const LogitStreamScene& scene);
};

const Catalogue<LogitStreamEntry>& logit_streams();

struct LogitStreamChoice {
  std::unique_ptr<LogitStream> stream;  // nullptr when there were problems
  std::string kind;
};
// nullptr for the section: the workload's own logits.
LogitStreamChoice make_logit_stream(Binder& binder, const Node* section, const LogitStreamScene& scene);

}  // namespace moesim
