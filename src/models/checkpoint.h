#pragma once
// A model's folder, as it comes from a hub: config.json and safetensors files. Opens a folder of any size at
// once; numbers are read for the layer that is asked for, and only then.

#include <string>
#include <vector>

#include "models/block_tensors.h"
#include "models/hf_config.h"
#include "router/gate.h"

namespace moesim {

class MoeCheckpoint {
 public:
  // `layout_file`: a file that says which tensor is what (models/layout.h); "": one of the known layouts.
  // Throws Error(missing_input) or Error(bad_data), ConfigError for the layout file.
  explicit MoeCheckpoint(const std::string& folder, const std::string& layout_file = {});

  const ModelShape& shape() const { return shape_; }
  const std::vector<HfKey>& keys() const { return keys_; }  // what was read from config.json
  const TensorFolder& tensors() const { return tensors_; }
  const TensorLayout& layout() const { return layout_; }
  const std::string& prefix() const { return prefix_; }
  std::vector<Index> moe_layers() const;

  // Throws Error(usage) where there is no such layer [out-of-range] or it has no experts [no-experts], else
  // as models/block_tensors.h says.
  BlockTensors block(Index layer) const;

 private:
  std::string where_;
  std::vector<HfKey> keys_;
  ModelShape shape_;
  TensorFolder tensors_;
  ScaleBlock scale_block_;
  TensorLayout layout_;
  std::string prefix_;
};

// "0, 2-5" of sorted numbers; "none".
std::string ranges_text(const std::vector<Index>& numbers);

// The gate's weights and bias; the rule is the router's own.
Gate read_gate(const MoeCheckpoint& checkpoint, const BlockTensors& block, const GateRule& rule);

// [pool_size], or empty.
std::vector<float> read_expert_bias(const MoeCheckpoint& checkpoint, const BlockTensors& block);

// v of the gate of the shared experts: [1,D], or no rows.
Matrix read_shared_gate(const MoeCheckpoint& checkpoint, const BlockTensors& block);

}  // namespace moesim
