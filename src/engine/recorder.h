#pragma once
// Private to this room: what the recorded steps leave behind. Memory does not grow with the number of steps.

#include <vector>

#include "core/hash.h"
#include "engine/step.h"
#include "metrics/run_record.h"

namespace moesim {

// What one layer of one step adds to the record.
struct LayerSummary {
  LayerCounts counts;
  std::vector<char> routing;  // the bytes its hash is made of; empty for a soft router
  std::optional<Index> capacity;
};
// Uses the memory that `summary` has.
void summarise(const LayerEvent& event, const ExpertBank& bank, LayerSummary& summary);
// The same without a plan, where nothing is dropped or moved.
void summarise_dropless(const Assignments& assignments, const ExpertBank& bank, LayerSummary& summary);

class Recorder {
 public:
  struct Options {
    Index show_tokens = 0;
    bool detail = false;            // fill record.detail, but for its timeline
    bool detail_of_layers = false;  // later_layers in it
  };
  Recorder(const Experiment& experiment, const MoeStack& stack, const Options& options);

  void on_layer(const LayerEvent& event);
  // The same of a layer that was summarised elsewhere: no domains, shown tokens or detail. In order.
  void add(Index layer, const LayerSummary& summary);
  // After all layers of a step: its row, and the output's hash when experts were executed.
  void end_step(Index step, const StageSeconds& seconds, MatrixView output);
  void fill(RunRecord& record) const;

 private:
  void count_domains(const LayerEvent& event);
  std::vector<Index> first_places(const TokenBatch& batch, Index count) const;
  ShownToken shown_token(const LayerEvent& event, Index token) const;
  void add_choices(const LayerEvent& event);
  void add_detail(const LayerEvent& event);

  const Experiment& experiment_;
  const MoeStack& stack_;
  Options options_;
  std::vector<Hasher> routing_;  // one a layer, so that cutting the stream otherwise changes nothing
  Hasher output_;
  std::vector<LayerResult> layers_;
  std::vector<LayerCounts> step_counts_;  // of the current step
  LayerSummary summary_;                  // of the current layer
  std::vector<StepRow> rows_;
  std::vector<DomainLoad> domains_;
  std::vector<ShownToken> shown_;  // of the first batch
  std::vector<Index> detailed_;    // places in the current batch of the tokens of the detail; empty: not now
  std::size_t choices_ = 0;        // in the detail
  std::optional<Index> capacity_;
  RunDetail detail_;
};

}  // namespace moesim
