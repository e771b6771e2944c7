#include "reading.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "router/router.h"

namespace moesim::testing {

Refused refused(const std::string& json) {
  try {
    read_hf_config(json, "config.json");
  } catch (const Error& error) {
    return {error.what(), error.help(), error.kind()};
  }
  return {};
}

std::string router_stage(const ModelShape& shape, const std::string& stage) {
  Binder binder;
  LayerShape pool = shape.moe;
  pool.num_experts = shape.moe.pool_size();
  EXPECT_NE(make_router(binder, &shape.router, pool), nullptr);
  for (const ResolvedValue& value : binder.resolved) {
    if (value.path == "router." + stage) {
      return value.value;
    }
  }
  return "";
}

std::string corpus_config(const std::string& name) {
  std::ifstream file(std::string(MOESIM_SOURCE_DIR) + "/tests/fuzz/corpus/hf_config/" + name + ".json");
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<Index> moe_layers(const ModelShape& shape) {
  std::vector<Index> indices;
  for (Index i = 0; i < shape.num_layers(); ++i) {
    if (shape.is_moe_layer(i)) {
      indices.push_back(i);
    }
  }
  return indices;
}

}  // namespace moesim::testing
