#pragma once
// The tensors of one Mixture-of-Experts block, found by a layout and checked against the model's shape; read
// in the form in which experts are packed.

#include <string>
#include <vector>

#include "models/layout.h"
#include "models/model_shape.h"
#include "models/unit_matrix.h"

namespace moesim {

struct FfnTensors {
  UnitMatrix gate, up, down;  // gate: none where the ffn is not gated
  UnitMatrix gate_bias, up_bias;
  UnitMatrix down_bias;  // D units of 1
};

struct BlockTensors {
  UnitMatrix gate;                         // pool_size units of D
  UnitMatrix gate_bias;                    // pool_size units of 1, or none; the next likewise
  UnitMatrix expert_bias;                  // for selection
  UnitMatrix shared_gate;                  // one unit of D
  std::vector<FfnTensors> experts;         // [E], those that multiply
  std::vector<FfnTensors> shared;          // one, or none
  std::vector<const TensorInfo*> tensors;  // each once, by name
};

// Numbers that share a scale where 8-bit floats have one for each block
// (quantization_config.weight_block_size).
struct ScaleBlock {
  Index rows = 128;
  Index cols = 128;
};

struct BlockPlace {
  const TensorFolder& folder;
  const TensorLayout& layout;
  std::string prefix;
  const ModelShape& shape;
  std::string where;  // the checkpoint, as printed in errors
  ScaleBlock scale_block = {};
};

// Throws Error(bad_data) that names the tensor that is missing, has another shape than config.json says or a
// type that cannot be decoded, or that the layout does not know.
BlockTensors find_block(const BlockPlace& place, Index layer);

// Whether the layer's gate, and the experts' first tensor, are there by name.
bool has_block(const BlockPlace& place, Index layer);
bool has_gate(const BlockPlace& place, Index layer);

}  // namespace moesim
