#include "trace/layer_counts.h"

namespace moesim {

void LayerCounters::add(const RecordedCounts& counts) {
  load.add(counts.count);
  if (counts.token_id >= 0) {
    vocabulary.add(counts.token_id, counts.count);
  }
  begin_step(counts.step);
  step.resize(std::max(step.size(), counts.count.size()));
  for (std::size_t e = 0; e < counts.count.size(); ++e) {
    step[e] += counts.count[e];
  }
}

void LayerCounters::add_step(const ChoiceBlock& block) {
  begin_step(block.step);
  step.resize(std::max(step.size(), load.count.size()));
  for (const std::int32_t expert : block.expert) {
    ++step[static_cast<std::size_t>(expert)];
  }
}

void LayerCounters::begin_step(Index number) {
  if (number != step_number) {
    end_step();
    step_number = number;
  }
}

void LayerCounters::end_step() {
  if (!step.empty()) {
    step.resize(std::max(step.size(), load.count.size()));
    ++steps;
    step_max_violations += load_stats(step).max_violation;
    step.clear();
  }
}

void LayerCounters::end() {
  end_step();
  vocabulary.end();
}

}  // namespace moesim
