#include "models/checkpoint.h"

#include <fmt/format.h>

#include <filesystem>

#include "config/scalars.h"
#include "core/error.h"
#include "core/text.h"
#include "io/files.h"
#include "models/find_layout.h"
#include "models/json_tree.h"

namespace moesim {
namespace {

std::string config_path(const std::string& folder) {
  return (std::filesystem::path(folder) / "config.json").string();
}

// quantization_config.weight_block_size: two whole numbers, or as DeepSeek-V3 has them.
ScaleBlock scale_block_of(const Node& root, const std::string& where) {
  for (const Node* section : {&root, root.child("text_config")}) {
    const Node* quantization = section == nullptr ? nullptr : section->child("quantization_config");
    const Node* sizes = quantization == nullptr ? nullptr : quantization->child("weight_block_size");
    if (sizes == nullptr || sizes->kind == Node::Kind::null) {
      continue;
    }
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    constexpr std::int64_t kMost = 1 << 20;
    ScalarProblem problem;
    if (sizes->items.size() != 2 || !read_whole(sizes->items[0], rows, problem) ||
        !read_whole(sizes->items[1], cols, problem) || rows < 1 || rows > kMost || cols < 1 || cols > kMost) {
      throw Error(
          ErrorKind::bad_data,
          fmt::format("{}: error: quantization_config.weight_block_size: got {}; expected two whole numbers "
                      "from 1 to {} [wrong-type]",
                      where, describe_node(*sizes), kMost));
    }
    return {rows, cols};
  }
  return {};
}

std::vector<float> read_vector(const TensorFolder& folder, const UnitMatrix& vector) {
  if (vector.none()) {
    return {};
  }
  std::vector<float> numbers(static_cast<std::size_t>(vector.units));
  read_units(folder, vector, 0, {numbers.data(), static_cast<Index>(numbers.size()), 1});
  return numbers;
}

// A file alone does not say what its tensors are.
const std::string& checked_folder(const std::string& path) {
  std::error_code failed;
  if (std::filesystem::is_regular_file(path, failed)) {
    const std::string folder = std::filesystem::path(path).parent_path().string();
    throw Error(
        ErrorKind::missing_input,
        fmt::format("{}: error: this is a file; expected the folder of a checkpoint, with config.json "
                    "beside the .safetensors files [not-a-folder]",
                    display_safe(path)),
        "name the folder: " + display_safe(folder.empty() ? "." : folder));
  }
  return path;
}

}  // namespace

MoeCheckpoint::MoeCheckpoint(const std::string& folder, const std::string& layout_file)
    : where_(display_safe(folder)),
      shape_(read_hf_config_file(config_path(checked_folder(folder)), &keys_)),
      tensors_(folder),
      scale_block_(
          scale_block_of(parse_json(read_file(config_path(folder), kLargestHfConfig), config_path(folder)),
                         display_safe(config_path(folder)))) {
  LayoutFound found = layout_file.empty() ? find_layout(tensors_, shape_, where_, scale_block_)
                                          : place_layout(read_layout(layout_file), tensors_, shape_, where_);
  layout_ = std::move(found.layout);
  prefix_ = std::move(found.prefix);
}

std::vector<Index> MoeCheckpoint::moe_layers() const {
  std::vector<Index> layers;
  for (Index l = 0; l < shape_.num_layers(); ++l) {
    if (shape_.is_moe_layer(l)) {
      layers.push_back(l);
    }
  }
  return layers;
}

BlockTensors MoeCheckpoint::block(Index layer) const {
  if (layer < 0 || layer >= shape_.num_layers()) {
    throw Error(ErrorKind::usage,
                fmt::format("{}: error: there is no layer {}; expected one from 0 to {} [out-of-range]",
                            where_, layer, shape_.num_layers() - 1),
                fmt::format("MoE layers: {}", ranges_text(moe_layers())));
  }
  const BlockPlace place{tensors_, layout_, prefix_, shape_, where_, scale_block_};
  if (!shape_.is_moe_layer(layer)) {
    const char* contradiction = has_gate(place, layer) ? ", though its tensors include a gate" : "";
    throw Error(ErrorKind::usage,
                fmt::format("{}: error: layer {} is dense{}; expected one of the MoE layers {} [no-experts]",
                            where_, layer, contradiction, ranges_text(moe_layers())));
  }
  return find_block(place, layer);
}

std::string ranges_text(const std::vector<Index>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) {
      ++last;
    }
    text += text.empty() ? "" : ", ";
    text += last == i ? fmt::format("{}", numbers[i]) : fmt::format("{}-{}", numbers[i], numbers[last]);
    i = last + 1;
  }
  return text.empty() ? "none" : text;
}

Gate read_gate(const MoeCheckpoint& checkpoint, const BlockTensors& block, const GateRule& rule) {
  Matrix weight(block.gate.units, block.gate.width);
  read_units(checkpoint.tensors(), block.gate, 0, weight.view());
  Gate gate;
  gate.rule = rule;
  gate.weight = std::move(weight);
  gate.bias = read_vector(checkpoint.tensors(), block.gate_bias);
  return gate;
}

std::vector<float> read_expert_bias(const MoeCheckpoint& checkpoint, const BlockTensors& block) {
  return read_vector(checkpoint.tensors(), block.expert_bias);
}

Matrix read_shared_gate(const MoeCheckpoint& checkpoint, const BlockTensors& block) {
  Matrix gate(block.shared_gate.none() ? 0 : 1, checkpoint.shape().d_model);
  if (!block.shared_gate.none()) {
    read_units(checkpoint.tensors(), block.shared_gate, 0, gate.view());
  }
  return gate;
}

}  // namespace moesim
