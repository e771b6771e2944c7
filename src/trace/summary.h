#pragma once
// What a recording says, layer by layer: everything that `moesim trace stats` prints, as values.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "io/recording.h"
#include "metrics/load.h"
#include "metrics/noise_floor.h"
#include "trace/coactivation.h"
#include "trace/distinct.h"
#include "trace/expert_cache.h"
#include "trace/generator.h"
#include "trace/layer_load.h"
#include "trace/marginal.h"
#include "trace/repetition.h"
#include "trace/specialisation.h"
#include "trace/transition.h"

namespace moesim {

struct TraceOptions {
  // Of each layer, its first tokens: caches, mixed batches, transitions, vocabulary and the generator see no
  // others. 0: none of these is worked out.
  Index kept_tokens = 8192;
  std::optional<Index> layer = {};  // this one alone
  std::uint64_t seed = 42;          // of noise floors, mixed batches and the generator
  std::size_t top_pairs = 5;
};

struct LayerSummary {
  Index group = 0;  // in TraceSummary::info.groups
  Index layer = 0;
  LayerLoad load;  // as wide as its group: experts nobody chose count
  LoadStats stats = {};
  // Uniform router, as many tokens of as many experts; none beyond 65,536 experts of all layers together.
  std::optional<NoiseFloor> floor = {};
  MarginalFit marginal = {};
  DomainSpecialisation domain = {};
  Index steps = 1;  // of a recording over time
  double mean_step_max_violation = 0;

  // Of tokens alone; empty where the recording has counts, or too little of what they need.
  std::optional<PairSummary> pairs = {};
  std::optional<PairSummary> adjacent_pairs = {};
  std::optional<Repetition> repetition = {};
  std::vector<DistinctExperts> distinct = {};
  std::uint64_t kept_tokens = 0;
  std::optional<CacheSummary> caches = {};
  std::optional<Transition> to_next = {};                   // to the next layer of the recording
  std::optional<VocabularySpecialisation> vocabulary = {};  // also of counts by vocabulary id
  std::optional<GeneratorFit> generator = {};

  Index num_experts() const { return load.num_experts(); }
};

struct TraceSummary {
  RecordingInfo info;
  std::vector<LayerSummary> layers = {};  // by group, then by layer
  std::uint64_t assignments = 0;          // of all layers
  Index kept_tokens = 0;                  // as asked
};

// Reads the recording to its end. Reading and counting go on at the same time; the same bits for any number
// of threads. Memory: some MiB of blocks, for each layer 8·E bytes and what is kept of it, and 6·E² bytes for
// pairs of experts as long as these are below 256 MiB in all (else pairs are left out, and info.notes says
// so). Throws what the recording throws, Error(bad_data) where experts × layers are more than any model has,
// and Error(usage) where options.layer is in no group.
TraceSummary summarise(Recording& recording, const TraceOptions& options, const Context& context);

// Several recordings as one: groups of the same model, domain and labels are one group, their sequences one
// after the other. At least one.
std::unique_ptr<Recording> join_recordings(std::vector<std::unique_ptr<Recording>> recordings);

}  // namespace moesim
