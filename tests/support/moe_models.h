#pragma once
// Small models in every known layout, written as their own programs write them, with the numbers as they lie
// in the files and the function that computes a block from them (oracle/moe_block.h).

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "oracle/moe_block.h"
#include "support/checkpoint_writer.h"

namespace moesim::testing {

using Places = std::vector<double*>;  // numbers in the order of a tensor

inline Places rows_of(Rows& matrix) {
  Places places;
  for (Row& row : matrix) {
    for (double& number : row) {
      places.push_back(&number);
    }
  }
  return places;
}

inline Places columns_of(Rows& matrix) {
  Places places;
  for (std::size_t j = 0; !matrix.empty() && j < matrix[0].size(); ++j) {
    for (Row& row : matrix) {
      places.push_back(&row[j]);
    }
  }
  return places;
}

inline Places of_row(Row& row) {
  Places places;
  for (double& number : row) {
    places.push_back(&number);
  }
  return places;
}

inline Places joined(Places a, const Places& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// a's first `run` numbers, b's first `run`, a's next …
inline Places by_turns(const Places& a, const Places& b, std::size_t run) {
  Places places;
  for (std::size_t i = 0; i < a.size(); i += run) {
    places.insert(places.end(), a.begin() + static_cast<std::ptrdiff_t>(i),
                  a.begin() + static_cast<std::ptrdiff_t>(i + run));
    places.insert(places.end(), b.begin() + static_cast<std::ptrdiff_t>(i),
                  b.begin() + static_cast<std::ptrdiff_t>(i + run));
  }
  return places;
}

struct ModelOptions {
  std::string type = "F32";  // of every tensor of the block; "blocks": F8_E4M3 with a scale for each block
  std::string prefix = "model.";
  unsigned seed = 1;
  bool nested = false;  // the language model's keys in text_config
  int d_model = 24;
  int d_ff = 12;  // of a fused tensor this makes 2·d_ff = d_model: the shape does not tell the axes
  int experts = 6;
  int top_k = 2;
  std::size_t shards = 0;  // 0: one file
};

struct TestModel {
  nlohmann::json config;
  CheckpointWriter tensors;
  std::map<int, NaiveBlock> blocks;  // by layer
  std::function<NaiveOutput(const NaiveBlock&, const Row&)> compute;

  void write(const std::string& folder, std::size_t shards = 0) const {
    std::filesystem::create_directories(folder);
    std::ofstream(std::filesystem::path(folder) / "config.json") << config.dump(2);
    shards == 0 ? static_cast<void>(tensors.write_single(folder)) : tensors.write_sharded(folder, shards);
  }
};

class ModelMaker {
 public:
  explicit ModelMaker(const ModelOptions& options) : o_(options), random_(options.seed) {}

  TestModel make(const std::string& layout);

  static std::vector<std::string> layouts() {
    return {"mixtral",
            "phimoe",
            "minimax_m2",
            "deepseek",
            "deepseek_v2",
            "deepseek_v3",
            "qwen3_moe",
            "olmoe",
            "glm4_moe",
            "qwen2_moe",
            "ernie45",
            "ernie45_paddle",
            "hunyuan",
            "longcat",
            "jamba",
            "granite",
            "granite_shared",
            "dbrx",
            "llama4",
            "gpt_oss",
            "gpt_oss_mxfp4",
            "fused_mixtral",
            "fused_deepseek_v3",
            "fused_qwen2_moe",
            "fused_ernie45",
            "fused_minimax_m2",
            "fused_hunyuan",
            "fused_longcat",
            "fused_phimoe",
            "fused_jamba",
            "deepseek_original",
            "ernie45_gate",
            "mlp_phimoe",
            "longcat_pool"};
  }

 private:
  double number(double scale) { return (static_cast<double>(random_()) / 4294967296.0 - 0.5) * 2.0 * scale; }
  Row row(int count, double scale) {
    Row numbers;
    for (int i = 0; i < count; ++i) {
      numbers.push_back(number(scale));
    }
    return numbers;
  }
  Rows rows(int count, int width, double scale) {
    Rows matrix;
    for (int i = 0; i < count; ++i) {
      matrix.push_back(row(width, scale));
    }
    return matrix;
  }
  NaiveFfn ffn(int width, bool biases) {
    NaiveFfn made{
        rows(width, o_.d_model, 0.4), rows(width, o_.d_model, 0.4), rows(o_.d_model, width, 0.4), {}, {}, {}};
    if (biases) {
      made.gate_bias = row(width, 0.5);
      made.up_bias = row(width, 0.5);
      made.down_bias = row(o_.d_model, 0.5);
    }
    return made;
  }

  void put(const std::string& name, const Shape& shape, const Places& places) {
    std::vector<float> values;
    for (const double* place : places) {
      values.push_back(static_cast<float>(*place));
    }
    const bool blocks = o_.type == "blocks";
    const std::string full = o_.prefix + at_ + name;
    const std::vector<float> stored =
        blocks && shape.size() == 2 && name.find("expert") != std::string::npos &&
                name.find("gate.weight") == std::string::npos
            ? model_.tensors.add_block_scaled(full, shape[0], shape[1], values, 16)
            : model_.tensors.add(full, blocks ? "BF16" : o_.type, shape, values);
    take(places, stored);
  }
  void put_mxfp4(const std::string& name, const Shape& shape, const Places& places) {
    std::vector<float> values;
    for (const double* place : places) {
      values.push_back(static_cast<float>(*place));
    }
    take(places, model_.tensors.add_mxfp4(o_.prefix + at_ + name, shape, values));
  }
  static void take(const Places& places, const std::vector<float>& stored) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      *places[i] = stored[i];
    }
  }

  // A linear layer's weight.
  void linear(const std::string& name, Rows& matrix) {
    put(name, {matrix.size(), matrix[0].size()}, rows_of(matrix));
  }
  void linear_the_other_way(const std::string& name, Rows& matrix) {
    put(name, {matrix[0].size(), matrix.size()}, columns_of(matrix));
  }
  void numbers(const std::string& name, Row& row) { put(name, {row.size()}, of_row(row)); }
  void three(const std::string& begin, const char* gate, const char* up, const char* down, NaiveFfn& ffn) {
    linear(begin + gate + ".weight", ffn.gate);
    linear(begin + up + ".weight", ffn.up);
    linear(begin + down + ".weight", ffn.down);
    if (!ffn.up_bias.empty()) {
      numbers(begin + gate + ".bias", ffn.gate_bias);
      numbers(begin + up + ".bias", ffn.up_bias);
      numbers(begin + down + ".bias", ffn.down_bias);
    }
  }
  void each_expert(NaiveBlock& block, const std::string& begin, const char* gate, const char* up,
                   const char* down) {
    for (std::size_t e = 0; e < block.experts.size(); ++e) {
      three(begin + std::to_string(e) + ".", gate, up, down, block.experts[e]);
    }
  }

  // One tensor of all experts: what `of` says of each, one after the other.
  template <class Of>
  Places all_experts(NaiveBlock& block, const Of& of) {
    Places places;
    for (NaiveFfn& ffn : block.experts) {
      places = joined(std::move(places), of(ffn));
    }
    return places;
  }
  void fused(NaiveBlock& block, const std::string& begin) {
    const auto [e, f, d] = sizes(block);
    put(begin + "gate_up_proj", {e, 2 * f, d},
        all_experts(block, [](NaiveFfn& x) { return joined(rows_of(x.gate), rows_of(x.up)); }));
    put(begin + "down_proj", {e, d, f}, all_experts(block, [](NaiveFfn& x) { return rows_of(x.down); }));
  }
  struct Sizes {
    std::uint64_t e, f, d;
  };
  Sizes sizes(const NaiveBlock& block) const {
    return {block.experts.size(), block.experts[0].up.size(), static_cast<std::uint64_t>(o_.d_model)};
  }

  NaiveBlock new_block(const std::string& layout);
  void put_block(const std::string& layout, NaiveBlock& block);
  void set_config(const std::string& layout);

  ModelOptions o_;
  std::mt19937 random_;
  std::string at_;  // "layers.1."
  TestModel model_;
};

inline bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

inline NaiveBlock ModelMaker::new_block(const std::string& layout) {
  NaiveBlock block;
  const bool oss = has(layout, "gpt_oss");
  block.top_k = has(layout, "llama4") ? 1 : o_.top_k;
  block.identity_experts = has(layout, "longcat") ? 3 : 0;
  const int pool = o_.experts + block.identity_experts;
  block.gate = rows(pool, o_.d_model, 0.5);
  if (oss) {
    block.gate_bias = row(pool, 0.5);
  }
  if (has(layout, "deepseek_v3") || has(layout, "deepseek_original") || has(layout, "glm4") ||
      has(layout, "ernie") || has(layout, "longcat") || has(layout, "minimax_m2")) {
    block.selection_bias = row(pool, 0.2);
  }
  for (int e = 0; e < o_.experts; ++e) {
    block.experts.push_back(ffn(o_.d_ff, oss));
  }
  if (has(layout, "deepseek") || has(layout, "glm4") || has(layout, "ernie")) {
    block.shared = ffn(2 * o_.d_ff, false);
  } else if (has(layout, "qwen2") || has(layout, "granite_shared")) {
    block.shared = ffn(o_.d_ff + 4, false);
  } else if (has(layout, "hunyuan") || has(layout, "llama4")) {
    block.shared = ffn(o_.d_ff, false);
  }
  if (has(layout, "qwen2")) {
    block.shared_gate = row(o_.d_model, 0.5);
  }
  return block;
}

inline void ModelMaker::put_block(const std::string& layout, NaiveBlock& block) {
  const std::uint64_t e = sizes(block).e;
  const std::uint64_t f = sizes(block).f;
  const std::uint64_t d = sizes(block).d;
  if (layout == "mixtral" || layout == "phimoe" || layout == "minimax_m2") {
    linear("block_sparse_moe.gate.weight", block.gate);
    each_expert(block, "block_sparse_moe.experts.", "w1", "w3", "w2");
    if (!block.selection_bias.empty()) {
      numbers("block_sparse_moe.e_score_correction_bias", block.selection_bias);
    }
  } else if (layout == "ernie45_paddle") {
    linear_the_other_way("mlp.gate.weight", block.gate);
    put("mlp.moe_statics.e_score_correction_bias", {1, e}, of_row(block.selection_bias));
    const auto two = [&](const std::string& begin, NaiveFfn& ffn) {
      Rows& gate = ffn.gate;
      put(begin + "up_gate_proj.weight", {d, 2 * gate.size()},
          by_turns(columns_of(ffn.gate), columns_of(ffn.up), gate.size()));
      linear_the_other_way(begin + "down_proj.weight", ffn.down);
    };
    for (std::size_t i = 0; i < e; ++i) {
      two("mlp.experts." + std::to_string(i) + ".", block.experts[i]);
    }
    two("mlp.shared_experts.", block.shared);
  } else if (has(layout, "granite")) {
    linear("block_sparse_moe.router.layer.weight", block.gate);
    put("block_sparse_moe.input_linear.weight", {e, 2 * f, d},
        all_experts(block, [](NaiveFfn& x) { return joined(rows_of(x.gate), rows_of(x.up)); }));
    put("block_sparse_moe.output_linear.weight", {e, d, f},
        all_experts(block, [](NaiveFfn& x) { return rows_of(x.down); }));
    if (!block.shared.up.empty()) {
      put("shared_mlp.input_linear.weight", {2 * block.shared.up.size(), d},
          joined(rows_of(block.shared.gate), rows_of(block.shared.up)));
      linear("shared_mlp.output_linear.weight", block.shared.down);
    }
  } else if (layout == "dbrx") {
    linear("ffn.router.layer.weight", block.gate);
    put("ffn.experts.mlp.w1", {e * f, d}, all_experts(block, [](NaiveFfn& x) { return rows_of(x.gate); }));
    put("ffn.experts.mlp.v1", {e * f, d}, all_experts(block, [](NaiveFfn& x) { return rows_of(x.up); }));
    put("ffn.experts.mlp.w2", {e * f, d}, all_experts(block, [](NaiveFfn& x) { return columns_of(x.down); }));
  } else if (layout == "llama4") {
    linear("feed_forward.router.weight", block.gate);
    put("feed_forward.experts.gate_up_proj", {e, d, 2 * f},
        all_experts(block, [f](NaiveFfn& x) { return by_turns(columns_of(x.gate), columns_of(x.up), f); }));
    put("feed_forward.experts.down_proj", {e, f, d},
        all_experts(block, [](NaiveFfn& x) { return columns_of(x.down); }));
    three("feed_forward.shared_expert.", "gate_proj", "up_proj", "down_proj", block.shared);
  } else if (has(layout, "gpt_oss")) {
    linear("mlp.router.weight", block.gate);
    numbers("mlp.router.bias", block.gate_bias);
    put("mlp.experts.gate_up_proj_bias", {e, 2 * f},
        all_experts(block, [](NaiveFfn& x) { return by_turns(of_row(x.gate_bias), of_row(x.up_bias), 1); }));
    put("mlp.experts.down_proj_bias", {e, d},
        all_experts(block, [](NaiveFfn& x) { return of_row(x.down_bias); }));
    if (layout == "gpt_oss") {
      put("mlp.experts.gate_up_proj", {e, d, 2 * f},
          all_experts(block, [](NaiveFfn& x) { return by_turns(columns_of(x.gate), columns_of(x.up), 1); }));
      put("mlp.experts.down_proj", {e, f, d},
          all_experts(block, [](NaiveFfn& x) { return columns_of(x.down); }));
    } else {
      put_mxfp4("mlp.experts.gate_up_proj", {e, 2 * f, d},
                all_experts(block, [d](NaiveFfn& x) { return by_turns(rows_of(x.gate), rows_of(x.up), d); }));
      put_mxfp4("mlp.experts.down_proj", {e, d, f},
                all_experts(block, [](NaiveFfn& x) { return rows_of(x.down); }));
    }
  } else if (layout == "jamba" || layout == "fused_jamba") {
    linear("feed_forward.router.weight", block.gate);
    if (layout == "jamba") {
      each_expert(block, "feed_forward.experts.", "gate_proj", "up_proj", "down_proj");
    } else {
      fused(block, "feed_forward.experts.");
    }
  } else if (layout == "deepseek_original") {
    linear("ffn.gate.weight", block.gate);
    numbers("ffn.gate.bias", block.selection_bias);
    each_expert(block, "ffn.experts.", "w1", "w3", "w2");
    three("ffn.shared_experts.", "w1", "w3", "w2", block.shared);
  } else {  // all that stands in mlp.
    const bool is_fused = layout.rfind("fused_", 0) == 0;
    std::string gate = "mlp.gate.weight";
    std::string bias = "mlp.gate.e_score_correction_bias";
    std::string shared = "mlp.shared_experts.";
    if (has(layout, "longcat")) {
      gate = "mlp.router.classifier.weight";
      bias = "mlp.router.e_score_correction_bias";
    } else if (has(layout, "hunyuan")) {
      gate = "mlp.gate.wg.weight";
      shared = "mlp.shared_mlp.";
    } else if (has(layout, "phimoe")) {
      gate = "mlp.router.weight";
    } else if (has(layout, "ernie")) {
      bias = is_fused || layout == "ernie45_gate" ? "mlp.gate.moe_statics.e_score_correction_bias"
                                                  : "mlp.moe_statics.e_score_correction_bias";
    } else if (has(layout, "minimax")) {
      bias = "mlp.e_score_correction_bias";
    } else if (has(layout, "qwen2")) {
      shared = "mlp.shared_expert.";
    }
    linear(gate, block.gate);
    if (!block.selection_bias.empty()) {
      numbers(bias, block.selection_bias);
    }
    if (is_fused) {
      fused(block, "mlp.experts.");
    } else if (layout == "mlp_phimoe") {
      each_expert(block, "mlp.experts.", "w1", "w3", "w2");
    } else {
      each_expert(block, "mlp.experts.", "gate_proj", "up_proj", "down_proj");
    }
    for (int i = 0; layout == "longcat_pool" && i < block.identity_experts;
         ++i) {  // matrices that nobody uses
      NaiveFfn unused = ffn(o_.d_ff, false);
      linear("mlp.experts." + std::to_string(o_.experts + i) + ".gate_proj.weight", unused.gate);
      linear("mlp.experts." + std::to_string(o_.experts + i) + ".up_proj.weight", unused.up);
    }
    if (!block.shared.up.empty()) {
      three(shared, "gate_proj", "up_proj", "down_proj", block.shared);
    }
    if (!block.shared_gate.empty()) {
      put("mlp.shared_expert_gate.weight", {1, d}, of_row(block.shared_gate));
    }
  }
}

inline void ModelMaker::set_config(const std::string& layout) {
  const int shared = o_.d_ff + 4;
  nlohmann::json config = {{"hidden_size", o_.d_model}, {"num_hidden_layers", 2},
                           {"num_attention_heads", 2},  {"num_key_value_heads", 1},
                           {"vocab_size", 32},          {"num_experts_per_tok", o_.top_k},
                           {"hidden_act", "silu"},      {"head_dim", 4}};
  const auto add = [&](const nlohmann::json& more) { config.update(more); };
  const auto choose = [&](const std::string& type, auto function) {
    config["model_type"] = type;
    model_.compute = function;
  };
  if (has(layout, "mixtral")) {
    add({{"num_local_experts", o_.experts}, {"intermediate_size", o_.d_ff}});
    choose("mixtral", mixtral_block);
  } else if (has(layout, "phimoe")) {
    add({{"num_local_experts", o_.experts}, {"intermediate_size", o_.d_ff}, {"router_jitter_noise", 0.01}});
    choose("phimoe", [](const NaiveBlock& b, const Row& x) { return phimoe_block(b, x, 0.01); });
  } else if (has(layout, "minimax_m2")) {
    add({{"num_local_experts", o_.experts}, {"intermediate_size", o_.d_ff}, {"scoring_func", "sigmoid"}});
    choose("minimax_m2", minimax_m2_block);
  } else if (has(layout, "deepseek") || has(layout, "glm4")) {
    add({{"n_routed_experts", o_.experts},
         {"moe_intermediate_size", o_.d_ff},
         {"n_shared_experts", 2},
         {"first_k_dense_replace", 1},
         {"intermediate_size", 40}});
    if (layout == "deepseek") {
      add({{"scoring_func", "softmax"}});
      choose("deepseek", olmoe_block);
    } else if (layout == "deepseek_v2") {
      add({{"topk_method", "group_limited_greedy"},
           {"n_group", 3},
           {"topk_group", 2},
           {"routed_scaling_factor", 16.0}});
      choose("deepseek_v2",
             [](const NaiveBlock& b, const Row& x) { return deepseek_v2_block(b, x, 3, 2, 16.0); });
    } else if (has(layout, "glm4")) {
      add({{"n_group", 1}, {"topk_group", 1}, {"routed_scaling_factor", 2.5}, {"norm_topk_prob", true}});
      choose("glm4_moe",
             [](const NaiveBlock& b, const Row& x) { return deepseek_v3_block(b, x, 1, 1, 2.5); });
    } else {
      add({{"n_group", 3}, {"topk_group", 2}, {"routed_scaling_factor", 2.5}, {"norm_topk_prob", true}});
      choose("deepseek_v3",
             [](const NaiveBlock& b, const Row& x) { return deepseek_v3_block(b, x, 3, 2, 2.5); });
    }
  } else if (layout == "qwen3_moe") {
    add({{"num_experts", o_.experts}, {"moe_intermediate_size", o_.d_ff}, {"norm_topk_prob", true}});
    choose("qwen3_moe", mixtral_block);
  } else if (layout == "olmoe") {
    add({{"num_experts", o_.experts}, {"intermediate_size", o_.d_ff}, {"norm_topk_prob", false}});
    choose("olmoe", olmoe_block);
  } else if (has(layout, "qwen2")) {
    add({{"num_experts", o_.experts},
         {"moe_intermediate_size", o_.d_ff},
         {"shared_expert_intermediate_size", shared},
         {"norm_topk_prob", false}});
    choose("qwen2_moe", qwen2_moe_block);
  } else if (has(layout, "ernie")) {
    add({{"moe_num_experts", o_.experts},
         {"moe_k", o_.top_k},
         {"moe_intermediate_size", o_.d_ff},
         {"moe_num_shared_experts", 2},
         {"moe_layer_start_index", 1},
         {"intermediate_size", 40}});
    choose("ernie4_5_moe", ernie_block);
  } else if (has(layout, "hunyuan")) {
    add({{"num_experts", o_.experts},
         {"intermediate_size", o_.d_ff},
         {"moe_topk", o_.top_k},
         {"num_shared_expert", 1}});
    choose("hunyuan_v1_moe", mixtral_block);
  } else if (has(layout, "longcat")) {
    add({{"n_routed_experts", o_.experts},
         {"zero_expert_num", 3},
         {"zero_expert_type", "identity"},
         {"moe_topk", o_.top_k},
         {"expert_ffn_hidden_size", o_.d_ff},
         {"ffn_hidden_size", 40},
         {"num_layers", 2},
         {"routed_scaling_factor", 6.0}});
    choose("longcat_flash", [](const NaiveBlock& b, const Row& x) { return longcat_block(b, x, 6.0); });
  } else if (has(layout, "jamba")) {
    add({{"num_experts", o_.experts},
         {"intermediate_size", o_.d_ff},
         {"expert_layer_period", 2},
         {"expert_layer_offset", 1}});
    choose("jamba", olmoe_block);
  } else if (has(layout, "granite")) {
    add({{"num_local_experts", o_.experts}, {"intermediate_size", o_.d_ff}});
    choose("granitemoe", granite_block);
    if (layout == "granite_shared") {
      add({{"shared_intermediate_size", shared}});
      config["model_type"] = "granitemoeshared";
    }
  } else if (layout == "dbrx") {
    config = {{"d_model", o_.d_model},
              {"n_heads", 2},
              {"n_layers", 2},
              {"vocab_size", 32},
              {"attn_config", {{"kv_n_heads", 1}}},
              {"ffn_config",
               {{"ffn_hidden_size", o_.d_ff},
                {"moe_num_experts", o_.experts},
                {"moe_top_k", o_.top_k},
                {"moe_normalize_expert_weights", 1}}}};
    choose("dbrx", mixtral_block);
  } else if (layout == "llama4") {
    add({{"num_local_experts", o_.experts},
         {"num_experts_per_tok", 1},
         {"intermediate_size", o_.d_ff},
         {"intermediate_size_mlp", 40},
         {"interleave_moe_layer_step", 2}});
    choose("llama4_text", llama4_block);
  } else {
    add({{"num_local_experts", o_.experts}, {"intermediate_size", o_.d_ff}, {"swiglu_limit", 7.0}});
    choose("gpt_oss", gpt_oss_block);
  }
  if (o_.type == "blocks") {
    config["quantization_config"] = {{"quant_method", "fp8"}, {"weight_block_size", {16, 16}}};
  }
  if (o_.nested) {
    model_.config = {{"model_type", has(layout, "llama4") ? "llama4" : "some_vlm"}, {"text_config", config}};
  } else {
    model_.config = config;
  }
}

inline TestModel ModelMaker::make(const std::string& layout) {
  set_config(layout);
  const bool first_dense = has(layout, "deepseek") || has(layout, "glm4") || has(layout, "ernie") ||
                           has(layout, "jamba") || has(layout, "llama4");
  for (int layer = first_dense ? 1 : 0; layer < 2; ++layer) {
    at_ = (layout == "dbrx" ? "blocks." : "layers.") + std::to_string(layer) + ".";
    NaiveBlock block = new_block(layout);
    put_block(layout, block);
    model_.blocks.emplace(layer, std::move(block));
  }
  // What stands beside the blocks in every checkpoint.
  const std::vector<float> ones(static_cast<std::size_t>(o_.d_model), 1.0F);
  model_.tensors.add(o_.prefix + "norm.weight", "F32", {ones.size()}, ones);
  return std::move(model_);
}

}  // namespace moesim::testing
