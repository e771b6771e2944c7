#pragma once
// Recorded routing as an experiment: what the recording says of every layer, what capacity would drop, and
// one layer executed with the experts it names, in turns with the same layer under uniform routing.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/compare.h"
#include "metrics/run_record.h"
#include "trace/summary.h"

namespace moesim {

struct ReplayRequest {
  std::string trace;  // path
  std::string form;   // "": told by the file
  std::vector<std::pair<std::string, std::string>> where;
  std::string config;  // of everything but the router and the number of experts; "": none is given
  std::vector<std::string> overrides;  // "key=value", over all else
  std::string model;                   // of the catalogue; "": that of the recording where it is known
  std::optional<Index> layer;          // to execute; absent: the middle
};

// Where the replayed layer's shape comes from.
struct ReplayedShape {
  std::string model;  // of the catalogue, or ""
  Index num_experts = 0;
  Index top_k = 0;
  Index d_model = 0;
  Index d_ff = 0;
  std::vector<std::string> notes;  // what was assumed
};

// Of the layer with the most; layers may differ.
std::uint64_t most_tokens(const TraceSummary& summary);

struct ReplayExperiments {
  Experiment every_layer;  // nothing executed: capacity and drops of all recorded layers
  Experiment recorded;
  Experiment uniform;
};

struct ReplayPlan {
  std::string trace;  // as typed
  TraceSummary summary;
  Index layer = 0;  // the one that is executed
  ReplayedShape shape;
  bool has_capacity = false;
  ReplayExperiments experiments;
};

// Reads the recording and makes the experiments of it. Throws Error(usage) where the recording holds several
// groups, or the model does not fit it; ConfigError; and what reading throws.
ReplayPlan plan_replay(const ReplayRequest& request, const Context& context);

struct Replay {
  RunRecord every_layer;
  CompareResult comparison;  // recorded first, then uniform
};
Replay run_replay(ReplayExperiments experiments, const CompareOptions& options);

}  // namespace moesim
