#pragma once
// What `moesim layer` says of a block that was run.

#include <string>

#include "engine/checkpoint_layer.h"

namespace moesim {

struct LayerReport {
  const MoeCheckpoint& checkpoint;
  std::string folder;  // as typed
  Index layer = 0;
  const BlockTensors& block;
  const Policy& policy;
  const RoutedLayer& routed;
  std::string out = {};      // file of the output, or none
  std::string routing = {};  // folder of the routing, or none
};

std::string layer_screen(const LayerReport& report);
std::string layer_json(const LayerReport& report);

// "8 experts of 4096 x 14336, top 2, shared experts of 2048"
std::string block_text(const ModelShape& shape);
// Of all shared experts together; 0: none.
Index shared_width(const ModelShape& shape);

// Types of the tensors and how many there are of each, "BF16, F32": most frequent first.
std::string types_text(const std::vector<const TensorInfo*>& tensors);

}  // namespace moesim
