#pragma once
// Which layout a checkpoint has.

#include <string>

#include "models/block_tensors.h"

namespace moesim {

struct LayoutFound {
  TensorLayout layout;
  std::string prefix;
};

// Of the layouts that the config's model_type may have: the first whose tensors are there by name, in the
// shapes of config.json, and that leaves no tensor of the block over; else the first whose tensors are there
// by name, so that reading the block says what is wrong. Throws Error(bad_data) [unknown-layout] that lists
// names of tensors, digits as N, where no gate and experts are found by name.
LayoutFound find_layout(const TensorFolder& folder, const ModelShape& shape, const std::string& where,
                        ScaleBlock scale_block);

// Where this layout's tensors are. Throws the same, naming the layout.
LayoutFound place_layout(const TensorLayout& layout, const TensorFolder& folder, const ModelShape& shape,
                         const std::string& where);

// The names with every run of digits as N, each once; first those that look like a part of a
// Mixture-of-Experts block. At most `most`, then how many more there are.
std::string folded_names(const std::vector<TensorInfo>& tensors, std::size_t most);

}  // namespace moesim
