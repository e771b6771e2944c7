#include "engine/routed_logits.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>

#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"
#include "engine/policy.h"
#include "io/npy.h"
#include "io/recording_bytes.h"
#include "io/safetensors.h"

namespace moesim {
namespace {

constexpr Index kTokensPerBlock = 1024;
constexpr std::uint64_t kMostExperts = 65536;
constexpr Index kMostLayers = 4096;

// The logits of one layer, read in slices of tokens.
struct LayerLogits {
  Index layer = 0;
  Index tokens = 0;
  std::function<void(Index first, MutableMatrixView out)> read;
};

struct AllLogits {
  Index num_experts = 0;
  std::vector<LayerLogits> layers;
};

[[noreturn]] void wrong_shape(const std::string& where, const std::string& got) {
  throw Error(
      ErrorKind::bad_data,
      fmt::format("{}: error: got {}; expected logits of tokens by experts, [T,E], or of layers too, [L,T,E] "
                  "[tensor-shape]",
                  where, got));
}

AllLogits of_npy(const std::string& path) {
  const auto file = std::make_shared<NpyFile>(path, NpyAccepts::float_stacks);
  const NpyHeader& header = file->header();
  if (header.dimensions < 2 || header.cols > static_cast<Index>(kMostExperts) ||
      header.blocks > kMostLayers) {
    wrong_shape(display_safe(path), fmt::format("{} dimensions of {} layers and {} experts",
                                                header.dimensions, header.blocks, header.cols));
  }
  AllLogits all{.num_experts = header.cols, .layers = {}};
  const Index tokens = header.blocks == 0 ? 0 : header.rows / header.blocks;
  for (Index l = 0; l < header.blocks; ++l) {
    all.layers.push_back({l, tokens, [file, first_row = l * tokens](Index first, MutableMatrixView out) {
                            file->read_rows(first_row + first, out);
                          }});
  }
  return all;
}

// The last number in the name, or -1.
Index number_in(const std::string& name) {
  std::size_t end = name.size();
  while (end > 0 && (name[end - 1] < '0' || name[end - 1] > '9')) {
    --end;
  }
  std::size_t begin = end;
  while (begin > 0 && name[begin - 1] >= '0' && name[begin - 1] <= '9') {
    --begin;
  }
  Index number = -1;
  std::from_chars(name.data() + begin, name.data() + end, number);
  return end == 0 ? -1 : number;
}

void add_tensor(const std::shared_ptr<TensorFolder>& folder, const TensorInfo& tensor, AllLogits& all) {
  const std::vector<std::uint64_t>& shape = tensor.shape;
  if (!tensor.is_float() || shape.size() < 2 || shape.size() > 3 || shape.back() == 0 ||
      shape.back() > kMostExperts) {
    wrong_shape(folder->where(tensor), fmt::format("{} [{}]", tensor.type_name, fmt::join(shape, ",")));
  }
  const std::uint64_t experts = shape.back();
  if (all.num_experts != 0 && experts != static_cast<std::uint64_t>(all.num_experts)) {
    throw Error(ErrorKind::bad_data,
                fmt::format("{}: error: logits of {} experts beside others of {}; expected the same number "
                            "[tensor-shape]",
                            folder->where(tensor), experts, all.num_experts));
  }
  all.num_experts = static_cast<Index>(experts);
  const std::uint64_t layers = shape.size() == 3 ? shape.front() : 1;
  const std::uint64_t tokens = shape[shape.size() - 2];
  const Index number = number_in(tensor.name);
  const Index first_layer = shape.size() == 2 && number >= 0 ? number : static_cast<Index>(all.layers.size());
  if (layers + all.layers.size() > static_cast<std::uint64_t>(kMostLayers)) {
    wrong_shape(folder->where(tensor), fmt::format("{} layers", layers + all.layers.size()));
  }
  for (std::uint64_t l = 0; l < layers; ++l) {
    all.layers.push_back(
        {first_layer + static_cast<Index>(l), static_cast<Index>(tokens),
         [folder, &tensor, begin = l * tokens * experts](Index first, MutableMatrixView out) {
           folder->read(tensor, begin + static_cast<std::uint64_t>(first * out.cols),
                        {out.data, static_cast<std::size_t>(out.rows * out.cols)});
         }});
  }
}

AllLogits of_safetensors(const std::string& path) {
  const auto folder = std::make_shared<TensorFolder>(path);
  AllLogits all;
  for (const TensorInfo& tensor : folder->tensors()) {
    add_tensor(folder, tensor, all);
  }
  std::sort(all.layers.begin(), all.layers.end(),
            [](const LayerLogits& a, const LayerLogits& b) { return a.layer < b.layer; });
  for (std::size_t l = 1; l < all.layers.size(); ++l) {
    if (all.layers[l].layer == all.layers[l - 1].layer) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("{}: error: two tensors are of layer {}; expected one a layer [tensor-shape]",
                              display_safe(path), all.layers[l].layer),
                  "the last number in a tensor's name is its layer");
    }
  }
  return all;
}

class RoutedLogits final : public Recording {
 public:
  RoutedLogits(AllLogits logits, Policy policy, RecordingInfo info, const Context& context)
      : logits_(std::move(logits)), policy_(std::move(policy)), info_(std::move(info)), context_(context) {}

  const RecordingInfo& info() const override { return info_; }
  bool next(RecordedCounts& /*counts*/) override { return false; }
  bool next(ChoiceBlock& block) override {
    while (layer_ < logits_.layers.size() && token_ == logits_.layers[layer_].tokens) {
      ++layer_;
      token_ = 0;
    }
    if (layer_ == logits_.layers.size()) {
      return false;
    }
    const LayerLogits& layer = logits_.layers[layer_];
    const Index count = std::min(kTokensPerBlock, layer.tokens - token_);
    matrix_.resize(count, logits_.num_experts);
    layer.read(token_, matrix_.view());
    route(layer, count, block);
    token_ += count;
    return true;
  }

 private:
  void route(const LayerLogits& layer, Index count, ChoiceBlock& block) {
    TokenBatch batch;
    batch.first_token = static_cast<std::uint64_t>(token_);
    batch.hidden.resize(count, 0);
    batch.token_id.resize(static_cast<std::size_t>(count));
    batch.sequence_id.resize(static_cast<std::size_t>(count));
    for (Index t = 0; t < count; ++t) {
      batch.position.push_back(batch.first_token + static_cast<std::uint64_t>(t));
    }
    RouterState state;
    state.expert_bias = policy_.router->initial_bias();
    state.threshold = policy_.router->initial_threshold();
    const Routing routing = policy_.router->route({.batch = batch,
                                                   .logits = matrix_.view(),
                                                   .state = state,
                                                   .seed = policy_.seed,
                                                   .layer = static_cast<std::uint32_t>(layer.layer),
                                                   .context = context_});
    const auto& chosen = std::get<Assignments>(routing);
    block = {};
    block.layer = layer.layer;
    block.first_token = batch.first_token;
    block.begin.assign(chosen.begin.begin(), chosen.begin.end());
    block.expert = chosen.expert;
    block.weight = chosen.weight;
    block.sequence.resize(static_cast<std::size_t>(count));
  }

  AllLogits logits_;
  Policy policy_;
  RecordingInfo info_;
  const Context& context_;
  Matrix matrix_;
  std::size_t layer_ = 0;
  Index token_ = 0;
};

// By the ending, or by what the file begins with. Throws Error(bad_data) where it is neither .npy nor
// .safetensors.
bool is_npy(const std::string& path) {
  std::error_code failed;
  if (path.ends_with(".npy")) {
    return true;
  }
  if (path.ends_with(".safetensors") || path.ends_with(".safetensors.index.json") ||
      std::filesystem::is_directory(path, failed)) {
    return false;
  }
  const RecordingBytes bytes(path);
  if (bytes.start().starts_with("\x93NUMPY")) {
    return true;
  }
  if (bytes.packed() || !begins_as_safetensors(bytes.start())) {
    throw Error(ErrorKind::bad_data,
                display_safe(path) +
                    ": error: it is neither .npy nor .safetensors; expected router logits in "
                    "one of them [recording-form]",
                "without --router a file of choices or counts is read");
  }
  return false;
}

// Any router may be given a bias; the presets of models that learn one say what it is added to.
bool has_selection_bias(const Policy& policy) {
  return policy.router->traits().uses_bias &&
         std::any_of(policy.resolved.begin(), policy.resolved.end(), [](const ResolvedValue& value) {
           return value.path == "router.expert_bias_on" && value.origin != "default";
         });
}

}  // namespace

std::unique_ptr<Recording> open_router_logits(const std::string& path, const std::string& preset,
                                              const std::string& model, const Context& context) {
  AllLogits logits = is_npy(path) ? of_npy(path) : of_safetensors(path);
  if (logits.layers.empty() || logits.num_experts == 0) {
    throw Error(
        ErrorKind::bad_data,
        display_safe(path) + ": error: there are no logits; expected at least one layer [empty-file]");
  }
  Policy policy =
      load_policy({.config = "", .preset = preset, .overrides = {}},
                  FixedExperts{logits.num_experts,
                               fmt::format("{} has {} columns", display_safe(path), logits.num_experts)});
  const RouterTraits traits = policy.router->traits();
  if (!traits.needs_logits || traits.choice != Choice::token || traits.needs_hidden) {
    throw Error(
        ErrorKind::usage,
        fmt::format(
            "--router: error: in '{}' tokens do not choose by their logits alone; expected a router in "
            "which they do [no-effect]",
            display_safe(preset)),
        "--router mixtral");
  }
  RecordingInfo info;
  info.form = "router-logits";
  info.source = display_safe(path) + " through " + preset;
  info.by_token = true;
  info.parts.weights = true;
  info.groups.push_back({.model = model,
                         .domain = "",
                         .labels = {},
                         .num_experts = logits.num_experts,
                         .top_k = traits.exact_k ? traits.top_k : 0});
  info.columns = {"model", "num_experts", "top_k"};
  if (has_selection_bias(policy) && policy.router->initial_bias().empty()) {
    info.notes.push_back("the router's selection bias is not in the logits; it is taken to be 0");
  }
  return std::make_unique<RoutedLogits>(std::move(logits), std::move(policy), std::move(info), context);
}

}  // namespace moesim
