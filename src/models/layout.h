#pragma once
// How checkpoints name the tensors of a Mixture-of-Experts block, and how the numbers lie in them: data, from
// configs/presets/layouts.yaml, or a file of the user's.

#include <string>
#include <string_view>
#include <vector>

#include "core/matrix.h"

namespace moesim {

// What the halves of a fused tensor are: one matrix alone ("F"), first gate and then up ("2F"), or by turns
// ("F2": even places gate, odd ones up).
enum class Parts { one, halves, pairs };

// Which experts a tensor holds: the one of its name, all along its first axis ("E,…"), or all along the units
// ("EF,D").
enum class Holds { one, all, stacked };

// One tensor as the data say it: "mlp.experts.gate_up_proj_blocks [E,F2,D] mxfp4".
struct TensorPattern {
  std::string name;  // behind prefix and layer, with {expert} where Holds::one; empty: there is none
  std::string axes;  // "E,F2,D"
  Parts parts = Parts::one;
  Holds holds = Holds::one;
  bool units_first =
      true;  // a row is what belongs to one hidden unit (of a gate: to one expert); else a column
  // Packed: `name` has blocks of 32 numbers in 16 bytes; their scales are in the tensor whose name ends in
  // _scales instead of _blocks. The axes are those of the numbers.
  bool mxfp4 = false;

  bool none() const { return name.empty(); }
};

// Either gate and up, or both in gate_up. Biases where there are any.
struct FfnPatterns {
  TensorPattern gate, up, gate_up, down;
  TensorPattern gate_bias, up_bias, gate_up_bias, down_bias;

  bool none() const { return down.none(); }
  std::vector<const TensorPattern*> all() const;  // those there are
};

struct TensorLayout {
  std::string name;     // "mixtral"
  std::string summary;  // which models
  std::string origin;   // what was read
  // Of config.json; only those may have this layout. Empty: names alone tell.
  std::vector<std::string> model_types;
  std::vector<std::string> prefixes;  // what may stand before the layer, in order
  std::string layer;                  // "layers.{layer}."

  TensorPattern gate;
  TensorPattern gate_bias;    // added to the logits
  TensorPattern expert_bias;  // for selection alone
  TensorPattern
      shared_gate;  // what the shared experts' output is multiplied by is the sigmoid of its product
  FfnPatterns experts;
  FfnPatterns shared;
  std::vector<std::string> ignored;  // names of tensors that change nothing
};

// In the order in which they are tried.
const std::vector<TensorLayout>& tensor_layouts();

// A file with one layout, in the form of an entry of layouts.yaml (docs/formats.md). Throws
// Error(missing_input), or ConfigError with everything that is wrong.
TensorLayout read_layout(const std::string& path);

// The same from text; `source` is printed in errors.
TensorLayout parse_layout(std::string_view text, const std::string& source);

// The name with its numbers in place.
std::string tensor_name(const TensorLayout& layout, const std::string& prefix, Index layer,
                        const TensorPattern& pattern, Index expert = 0);

}  // namespace moesim
