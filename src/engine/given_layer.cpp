#include "engine/given_layer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/checked.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/text.h"
#include "experts/executor.h"
#include "io/files.h"
#include "models/checkpoint_experts.h"
#include "workload/source_files.h"

namespace moesim {
namespace {

std::string config_path(const std::string& folder) {
  return (std::filesystem::path(folder) / "config.json").string();
}

// Keys of the section that stand beside a checkpoint.
constexpr std::array<std::string_view, 4> kBesideACheckpoint = {"num_layers", "checkpoint", "index",
                                                                "layout"};

bool is_answered(const std::string& key) {
  return std::find(kBesideACheckpoint.begin(), kBesideACheckpoint.end(), key) == kBesideACheckpoint.end();
}

// What the config may not say, because the checkpoint does.
bool report_answered_keys(Binder& binder, const LayerParams& params) {
  const auto note = [&binder] {
    return std::pair{binder.locate("layer.checkpoint"), std::string("layer.checkpoint is given here")};
  };
  bool reported = false;
  const Fields<LayerParams> fields = fields_of<LayerParams>();
  for (const Field<LayerParams>& field : fields.list()) {
    const std::string key = "layer." + field.info.name;
    if (is_answered(field.info.name) && binder.given(key)) {
      binder.error(key, "given beside layer.checkpoint, which says it", "one of the two", "bad-relation",
                   "remove this line; --set 'layer={checkpoint: DIR, index: N}' replaces the whole section",
                   {note()});
      reported = true;
    }
  }
  if (params.num_layers != 1) {
    binder.error("layer.num_layers",
                 fmt::format("{} beside layer.checkpoint, which gives one layer", params.num_layers), "1",
                 "bad-relation", "remove this line", {note()});
    reported = true;
  }
  return reported;
}

LayerParams params_of(const LayerShape& shape, const LayerParams& given) {
  LayerParams params = given;
  params.num_layers = 1;
  params.d_model = shape.d_model;
  params.d_ff = shape.d_ff;
  params.num_experts = shape.num_experts;
  params.zero_experts = shape.zero_experts;
  params.copy_experts = shape.copy_experts;
  params.constant_experts = shape.constant_experts;
  params.num_shared_experts = shape.num_shared_experts;
  params.shared_width = shape.shared_width;
  params.shared_kind = shape.shared_kind;
  params.activation = shape.activation;
  params.ffn_bias = shape.ffn_bias;
  return params;
}

// As if config.json were the section.
void resolve_from(const GivenLayer& layer, const LayerParams& params, Binder& binder) {
  const LayerParams answers = params_of(layer.shape(), params);
  const Location where{.source = display_safe(config_path(layer.folder))};
  const Fields<LayerParams> fields = fields_of<LayerParams>();
  for (const Field<LayerParams>& field : fields.list()) {
    const std::string key = "layer." + field.info.name;
    for (ResolvedValue& value : binder.resolved) {
      if (is_answered(field.info.name) && value.path == key) {
        value = {key, field.print(answers), where.source};
        binder.remember(key, where);
      }
    }
  }
}

std::optional<std::string> layout_path(Binder& binder, const LayerParams& params,
                                       const ConfigSource& source) {
  return params.layout.empty() ? std::string()
                               : find_disk_path(binder, {"layer.layout", params.layout, source});
}

}  // namespace

GivenLayer::GivenLayer(std::string from, std::string layout, Index number)
    : folder(std::move(from)),
      layout_file(std::move(layout)),
      index(number),
      checkpoint(folder, layout_file),
      block(checkpoint.block(index)) {}

LayerShape GivenLayer::shape() const {
  const FfnShape ffn = bank_shape(checkpoint.shape()).ffn;
  LayerShape shape = checkpoint.shape().moe;
  shape.num_layers = 1;
  shape.activation = ffn.activation;
  shape.ffn_bias = ffn.biases;
  return shape;
}

std::uint64_t GivenLayer::contents_hash() const {
  constexpr std::uint64_t kAtOnce = std::uint64_t{1} << 20;
  const TensorFolder& tensors = checkpoint.tensors();
  Hasher hash;
  const std::string config = read_file(config_path(folder), kLargestHfConfig);
  hash.add_bytes(config.data(), config.size() + 1);
  if (!layout_file.empty()) {
    const std::string layout = read_file(layout_file, kLargestHfConfig);
    hash.add_bytes(layout.data(), layout.size() + 1);
  }
  const auto add_header = [&hash](const TensorInfo& tensor) {
    hash.add_bytes(tensor.name.data(), tensor.name.size());
    hash.add(tensor.name.size());
    hash.add(tensor.type);
    hash.add(tensor.bits);
    hash.add_all(std::span<const std::uint64_t>(tensor.shape));
    hash.add(tensor.shape.size());
  };
  for (const TensorInfo& tensor : tensors.tensors()) {
    add_header(tensor);
  }
  std::vector<std::byte> bytes;
  for (const TensorInfo* tensor : block.tensors) {
    add_header(*tensor);
    const std::uint64_t size = tensor->end - tensor->begin;
    for (std::uint64_t first = 0; first < size; first += kAtOnce) {
      bytes.resize(static_cast<std::size_t>(std::min(kAtOnce, size - first)));
      tensors.read_bytes(*tensor, first, bytes);
      hash.add_bytes(bytes.data(), bytes.size());
    }
  }
  return hash.digest();
}

std::uint64_t GivenLayer::reading_bytes(int threads) const {
  const char* what = "reading the checkpoint";
  constexpr std::uint64_t kBytesPerTensor = 400;  // of its name and shape
  const CheckpointExperts source(checkpoint, block.experts);
  const LayerShape of = shape();
  const auto u64 = [](Index value) { return static_cast<std::uint64_t>(value); };
  const Index units = std::min(source.units_at_once(), std::max(of.d_ff, shared_ffn_width(of)));
  // Three matrices, and one as it is read.
  const std::uint64_t of_thread = checked_product({4, u64(units), u64(of.d_model), sizeof(float)}, what);
  return checked_add(checked_mul(of_thread, u64(threads), what),
                     checked_mul(checkpoint.tensors().tensors().size(), kBytesPerTensor, what), what);
}

Gate GivenLayer::make_gate(const GateRule& rule) const {
  return read_gate(checkpoint, block, rule);
}

ExpertBank GivenLayer::make_experts(const Executor& executor, const Context& context) const {
  return make_bank_of(bank_shape(checkpoint.shape()), CheckpointExperts(checkpoint, block.experts), executor,
                      context);
}

SharedExperts GivenLayer::make_shared(const Executor& executor, const Context& context) const {
  if (block.shared.empty()) {
    return {};
  }
  return make_shared_experts_of({.ffn = shared_shape(checkpoint.shape()),
                                 .source = CheckpointExperts(checkpoint, block.shared),
                                 .kind = checkpoint.shape().moe.shared_kind,
                                 .gate = read_shared_gate(checkpoint, block)},
                                executor, context);
}

std::vector<float> GivenLayer::expert_bias() const {
  return read_expert_bias(checkpoint, block);
}

std::shared_ptr<const GivenLayer> bind_given_layer(Binder& binder, const LayerParams& params,
                                                   const ConfigSource& source) {
  if (params.checkpoint.empty() || report_answered_keys(binder, params)) {
    return nullptr;
  }
  const std::optional<std::string> folder =
      find_disk_path(binder, {"layer.checkpoint", params.checkpoint, source});
  const std::optional<std::string> layout = layout_path(binder, params, source);
  if (!folder || !layout) {
    return nullptr;
  }
  try {
    auto layer = std::make_shared<const GivenLayer>(*folder, *layout, params.index);
    resolve_from(*layer, params, binder);
    return layer;
  } catch (const ConfigError&) {  // of the layout's file, with places of its own
    throw;
  } catch (const Error& error) {
    report_io_error(binder, "layer.checkpoint", error);
    return nullptr;
  }
}

std::vector<float> starting_bias(const Experiment& experiment) {
  std::vector<float> bias = experiment.router->initial_bias();
  if (experiment.given == nullptr || !bias.empty() || !experiment.router->traits().uses_bias) {
    return bias;
  }
  // Another kind of scores would be moved by numbers that were learned for these.
  const Node* preset = experiment.given->checkpoint.shape().router.child("preset");
  return preset != nullptr && preset->text == experiment.router_name ? experiment.given->expert_bias() : bias;
}

void check_given_gate(Binder& binder, const GivenLayer& layer, const Router& router) {
  if (!router.traits().needs_logits) {
    return;
  }
  const GateRule rule = router.gate_rule();
  const auto refuse = [&](const std::string& key, const std::string& what, const std::string& expected) {
    binder.error(key, what, expected, "bad-relation",
                 "leave the section 'router' out: then it is the checkpoint's own",
                 {{binder.locate("layer.checkpoint"), "layer.checkpoint is given here"}});
  };
  const bool linear = rule.logit == Logit::linear || rule.logit == Logit::linear_bias;
  if (!linear || rule.learned_noise || router.num_logits() != layer.block.gate.units) {
    refuse("router", "the gate of this router has weights that the checkpoint does not hold",
           "a router with one linear logit for each expert");
  } else if ((rule.logit == Logit::linear_bias) != !layer.block.gate_bias.none()) {
    refuse("router.logit",
           layer.block.gate_bias.none() ? "the checkpoint's gate has no bias"
                                        : "the checkpoint's gate has a bias",
           layer.block.gate_bias.none() ? "linear" : "linear_bias");
  }
}

}  // namespace moesim
