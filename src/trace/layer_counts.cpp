#include "trace/layer_counts.h"

namespace moesim {

void LayerCounters::add(const RecordedCounts& counts, Index top_k) {
  load.add(counts.count, top_k);
  if (counts.token_id >= 0) {
    has_vocabulary = true;
    vocabulary.add(counts.count, top_k);
  }
  if (counts.step != step_number) {
    end_step();
    step_number = counts.step;
  }
  step.resize(std::max(step.size(), counts.count.size()));
  for (std::size_t e = 0; e < counts.count.size(); ++e) {
    step[e] += counts.count[e];
  }
}

void LayerCounters::end_step() {
  if (!step.empty()) {
    ++steps;
    step_max_violations += load_stats(step).max_violation;
    step.clear();
  }
}

}  // namespace moesim
