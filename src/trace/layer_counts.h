#pragma once
// Private to this room: everything that is counted of one layer while its recording is read.

#include "trace/coactivation.h"
#include "trace/distinct.h"
#include "trace/kept_tokens.h"
#include "trace/layer_load.h"
#include "trace/repetition.h"
#include "trace/specialisation.h"

namespace moesim {

struct LayerCounters {
  explicit LayerCounters(Index kept_tokens) : kept(kept_tokens) {}

  LayerLoad load;
  CoactivationCounts pairs;
  RepetitionCounts repetition;
  DistinctCounts distinct;
  KeptTokens kept;
  // Of counts:
  VocabularyCounts vocabulary;
  Counts step;  // the step being read
  Index step_number = 0;
  Index steps = 0;  // complete ones
  double step_max_violations = 0;

  // The parts that are counted apart, each by one task, so that one layer keeps several threads busy.
  static constexpr Index kParts = 4;
  void add(const ChoiceBlock& block, Index part, bool with_pairs) {
    switch (part) {
      case 0:
        load.add(block);
        kept.add(block);
        add_step(block);
        break;
      case 1:
        distinct.add(block);
        break;
      case 2:
        repetition.add(block, with_pairs);
        break;
      default:
        if (with_pairs) {
          pairs.add(block);
        }
    }
  }
  void add(const RecordedCounts& counts);
  void end();  // once all was added

 private:
  void add_step(const ChoiceBlock& block);
  void begin_step(Index number);
  void end_step();
};

}  // namespace moesim
