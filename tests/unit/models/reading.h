#pragma once
// What the tests of this room share: configs to shapes, and the errors they end with.

#include <string>
#include <vector>

#include "core/error.h"
#include "models/hf_config.h"

namespace moesim::testing {

// The message and help of the Error that read_hf_config throws, or "" when there is none.
struct Refused {
  std::string message;
  std::string help;
  ErrorKind kind = ErrorKind::internal;
};
Refused refused(const std::string& json);

// The stages of the shape's router as they resolve: "8", or "" where the router has none of that name.
std::string router_stage(const ModelShape& shape, const std::string& stage);

// A file of tests/fuzz/corpus/hf_config.
std::string corpus_config(const std::string& name);

// The indices of the layers with experts.
std::vector<Index> moe_layers(const ModelShape& shape);

}  // namespace moesim::testing
