#pragma once
// The experts of a checkpoint in the form in which banks are made.

#include <vector>

#include "experts/bank.h"
#include "models/checkpoint.h"

namespace moesim {

// The weights of some ffns as make_bank_of takes them: a block's experts, or its shared ones. The checkpoint
// and the ffns must outlive it.
class CheckpointExperts final : public ExpertSource {
 public:
  CheckpointExperts(const MoeCheckpoint& checkpoint, const std::vector<FfnTensors>& ffns)
      : checkpoint_(checkpoint), ffns_(ffns) {}
  void read_units(const UnitRange& range, FfnWeights& weights) const override;
  Index units_at_once() const override { return 512; }

 private:
  const MoeCheckpoint& checkpoint_;
  const std::vector<FfnTensors>& ffns_;
};

// What a bank of the block's experts holds, and its shared ffn. Throws Error(bad_data) where the experts
// clamp their hidden units by other numbers than gpt-oss.
BankShape bank_shape(const ModelShape& shape);
FfnShape shared_shape(const ModelShape& shape);

}  // namespace moesim
