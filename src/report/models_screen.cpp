#include "report/models_screen.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "core/text.h"
#include "report/numbers.h"

namespace moesim {
namespace {

constexpr double kBillion = 1e9;
constexpr double kBf16Bytes = 2.0;
constexpr double kBitsPerByte = 8.0;
constexpr int kWidth = 100;

double billions(std::uint64_t value) {
  return static_cast<double>(value) / kBillion;
}

std::string router_name(const ModelShape& shape) {
  const Node* preset = shape.router.child("preset");
  return preset == nullptr ? "" : preset->text;
}

FlatValue whole(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

FlatValue whole_if(bool known, std::uint64_t value) {
  return known ? whole(value) : FlatValue();
}

// Weights that one token's computation reads: of the input embedding a single row, unless it is the output
// projection too.
std::uint64_t read_by_token(const ModelParameters& p) {
  return p.active.no_input_embedding;
}

double bytes(std::uint64_t parameters, const WeightStorage& storage) {
  return static_cast<double>(parameters) * storage.bits / kBitsPerByte;
}

FlatValue whole_bytes_if(bool known, double value) {
  return known ? FlatValue(static_cast<std::int64_t>(std::ceil(value))) : FlatValue();
}

void add_published(FlatRow& row, const CatalogueModel& model, const ModelParameters& p) {
  const bool known = model.shape.complete;
  const auto of = [](const std::optional<double>& value) {
    return value ? FlatValue(static_cast<std::int64_t>(std::llround(*value * kBillion))) : FlatValue();
  };
  row.push_back({"published.total_params", of(model.published_total)});
  row.push_back({"published.total_difference",
                 known && model.published_total ? FlatValue(billions(p.total) / *model.published_total - 1.0)
                                                : FlatValue()});
  row.push_back({"published.active_params", of(model.published_active)});
  FlatValue convention;
  FlatValue difference;
  if (known && model.published_active) {
    const NearestConvention nearest = nearest_convention(p.active, *model.published_active);
    convention = std::string(nearest.name);
    difference = nearest.difference;
  }
  row.push_back({"published.active_convention", convention});
  row.push_back({"published.active_difference", difference});
}

struct Part {
  const char* name;   // in rows
  const char* title;  // on screens
  std::uint64_t stored = 0;
  std::uint64_t read = 0;  // by one token
};

std::array<Part, 8> parts_of(const ModelParameters& p, bool tied) {
  return {{{"routed", "routed experts", p.routed, p.routed_active},
           {"shared", "shared experts", p.shared, p.shared},
           {"attention", "attention", p.attention, p.attention},
           {"router", "router", p.router, p.router},
           {"dense_ffn", "dense FFNs", p.dense, p.dense},
           {"norms", "norms", p.norms, p.norms},
           {"input_embedding", tied ? "embedding, in and out" : "input embedding", p.input_embedding,
            tied ? p.input_embedding : 0},
           {"output_embedding", "output projection", p.output_embedding, p.output_embedding}}};
}

// A number of parameters with as many digits as say something: "46.703 B", "1.335 B", "912.4 k".
std::string params_text(std::uint64_t value) {
  constexpr double kMillion = 1e6;
  constexpr double kThousand = 1e3;
  const auto number = static_cast<double>(value);
  if (number >= kBillion / 1000.0 * 10.0) {  // from 0.010 B
    return fmt::format("{:.3f} B", number / kBillion);
  }
  return number >= kMillion ? fmt::format("{:.3f} M", number / kMillion)
                            : fmt::format("{:.3f} k", number / kThousand);
}

std::string signed_percent(double fraction) {
  return fmt::format("{:+.2f} %", 100.0 * fraction);
}

std::string published_text(double billions_of) {
  return fmt::format("{:g}", billions_of);
}

std::string table_line(const CatalogueModel& model) {
  const ModelParameters p = count_parameters(model.shape);
  const bool known = model.shape.complete;
  const auto number = [&](std::uint64_t value, bool routed_only) {
    return known         ? fmt::format("{:.3f}", billions(value))
           : routed_only ? fmt::format("({:.3f})", billions(value))
                         : "";
  };
  const std::string diff =
      known && model.published_total
          ? fmt::format("{:+.2f}", 100.0 * (billions(p.total) / *model.published_total - 1.0))
          : "";
  return fmt::format("{} {:>10} {:>9} {:>7}  {:>9} {:>8} {:>8} {:>9} {:>5} {:>3}  {}\n",
                     pad_to(display_safe(model.name), 21), number(known ? p.total : p.routed, true),
                     model.published_total ? published_text(*model.published_total) : "", diff,
                     number(known ? p.active.all : p.routed_active, true),
                     number(p.active.no_input_embedding, false), number(p.active.no_embeddings, false),
                     model.published_active ? published_text(*model.published_active) : "",
                     model.shape.moe.num_experts, model.shape.top_k,
                     router_name(model.shape).empty() ? "-" : router_name(model.shape));
}

std::string layers_text(const ModelShape& shape) {
  std::string text = fmt::format("{} of {} layers have {} experts", shape.num_moe_layers(),
                                 shape.num_layers(), shape.moe.num_experts);
  if (shape.moe.copy_experts > 0) {
    text += fmt::format(" and {} that return their input", shape.moe.copy_experts);
  }
  text += fmt::format("; {} a token, each {} wide", shape.top_k, shape.moe.d_ff);
  if (shape.moe.shared_width > 0) {
    text += fmt::format("; shared experts {} wide", shape.moe.shared_width);
  }
  return text + fmt::format("; the stack is {} wide", shape.d_model);
}

std::string parameters_section(const ModelShape& shape, const ModelParameters& p) {
  std::string text =
      fmt::format("\nPARAMETERS  {:<22} {:>12} {:>8}  {:>13}\n", "", "stored", "share", "one token");
  for (const Part& part : parts_of(p, shape.tied_embeddings)) {
    if (part.stored > 0) {
      const double share = 100.0 * static_cast<double>(part.stored) / static_cast<double>(p.total);
      text += fmt::format("  {:<32} {:>12} {:>6.2f} %  {:>13}\n", part.title, params_text(part.stored), share,
                          part.read > 0 ? params_text(part.read) : "one row");
    }
  }
  return text + fmt::format("  {:<32} {:>12} {:>8}  {:>13}\n", "total", params_text(p.total), "",
                            params_text(read_by_token(p)));
}

std::string published_total_line(const CatalogueModel& model, const ModelParameters& p) {
  return model.published_total ? fmt::format("  {:<32} {:>10} B   (this count: {})\n", "published",
                                             published_text(*model.published_total),
                                             signed_percent(billions(p.total) / *model.published_total - 1.0))
                               : "";
}

std::string active_section(const CatalogueModel& model, const ModelParameters& p) {
  std::string text = "\nACTIVE PARAMETERS  three conventions: publications rarely say which\n";
  const auto add = [&](const char* name, std::uint64_t value, const char* what) {
    text += fmt::format("  {:<20} {:>12}   {}\n", name, params_text(value), what);
  };
  add("all", p.active.all, "both embeddings counted");
  add("no_input_embedding", p.active.no_input_embedding,
      model.shape.tied_embeddings ? "one table serves both ways, so it stays"
                                  : "without the table of tokens, of which one row is read");
  add("no_embeddings", p.active.no_embeddings, "without the output projection, too");
  if (model.published_active) {
    const NearestConvention nearest = nearest_convention(p.active, *model.published_active);
    text += fmt::format("  {:<20} {:>10} B   nearest to {} ({})\n", "published",
                        published_text(*model.published_active), nearest.name,
                        signed_percent(nearest.difference));
  }
  if (p.active_low.all != p.active_high.all) {
    text += fmt::format("  {:<20} {:>12}   to {}, as {} to {} of its {} experts have weights\n", "range",
                        params_text(p.active_low.no_input_embedding),
                        params_text(p.active_high.no_input_embedding),
                        std::max<Index>(0, model.shape.top_k - model.shape.moe.zero_computation_experts()),
                        std::min(model.shape.top_k, model.shape.moe.num_experts), model.shape.top_k);
  }
  return text;
}

std::string cost_section(const ModelShape& shape, const ModelParameters& p) {
  const TokenCost cost = token_cost(shape, p);
  return fmt::format("\nONE TOKEN\n  {:<20} {:>12}   and {} more for each token before it\n", "FLOPs",
                     short_number(static_cast<double>(cost.flops)),
                     short_number(static_cast<double>(cost.flops_per_context_token))) +
         fmt::format("  {:<20} {:>12}   for each token of context, in bf16\n", "KV cache",
                     short_bytes(kBf16Bytes * static_cast<double>(cost.kv_values_per_context_token)));
}

std::string weights_section(const ModelParameters& p) {
  std::string text = fmt::format("\nWEIGHTS  {:<13} {:>12} {:>16}\n", "", "to hold", "read by a token");
  for (const WeightStorage& storage : kWeightStorages) {
    text += fmt::format("  {:<20} {:>12} {:>16}\n", storage.name, short_bytes(bytes(p.total, storage)),
                        short_bytes(bytes(read_by_token(p), storage)));
  }
  return text;
}

std::string in_words(const ModelParameters& p) {
  const double share = static_cast<double>(read_by_token(p)) / static_cast<double>(p.total);
  return "\nIN WORDS\n" +
         fold_words(
             fmt::format("A token is computed with {} of the weights, so it costs as much work as a dense "
                         "model of {}. The next token may choose other experts, so all {} must be held "
                         "in memory: active parameters are about time, total parameters about memory.",
                         percent(share), params_text(read_by_token(p)), params_text(p.total)),
             kWidth) +
         "\n";
}

std::string routed_only(const ModelParameters& p) {
  return fmt::format("\nPARAMETERS  of the routed experts alone\n  {:<20} {:>12}\n  {:<20} {:>12}\n",
                     "stored", params_text(p.routed), "one token", params_text(p.routed_active));
}

std::string keys_section(const std::vector<HfKey>& keys) {
  std::string text = keys.empty() ? "" : "\nREAD FROM\n";
  for (const HfKey& key : keys) {
    text += fmt::format("  {:<24} {:>12}   {}\n", key.meaning, display_safe(shorten_text(key.value, 24)),
                        display_safe(key.key));
  }
  return text;
}

}  // namespace

NearestConvention nearest_convention(const ActiveParameters& active, double published_billions) {
  NearestConvention nearest;
  bool first = true;
  for (const auto& [name, value] : {std::pair{"all", active.all},
                                    {"no_input_embedding", active.no_input_embedding},
                                    {"no_embeddings", active.no_embeddings}}) {
    const double difference = billions(value) / published_billions - 1.0;
    if (first || std::abs(difference) < std::abs(nearest.difference)) {
      nearest = {name, difference};
    }
    first = false;
  }
  return nearest;
}

FlatRow model_row(const CatalogueModel& model) {
  const ModelShape& shape = model.shape;
  const ModelParameters p = count_parameters(shape);
  const bool known = shape.complete;
  FlatRow row = {{"name", model.name},
                 {"title", model.title},
                 {"complete", known},
                 {"total_params", whole_if(known, p.total)},
                 {"active_params.all", whole_if(known, p.active.all)},
                 {"active_params.no_input_embedding", whole_if(known, p.active.no_input_embedding)},
                 {"active_params.no_embeddings", whole_if(known, p.active.no_embeddings)},
                 {"active_params.fewest", whole_if(known, p.active_low.no_input_embedding)},
                 {"active_params.most", whole_if(known, p.active_high.no_input_embedding)}};
  add_published(row, model, p);
  for (const Part& part : parts_of(p, shape.tied_embeddings)) {
    const bool routed = std::string_view(part.name) == "routed";
    row.push_back({std::string("parts.") + part.name, whole_if(known || routed, part.stored)});
  }
  row.push_back({"parts.routed_active", whole(p.routed_active)});
  row.push_back({"expert_params", whole(p.per_expert)});
  for (const auto& [name, value] : {std::pair{"d_model", shape.d_model},
                                    {"num_layers", shape.num_layers()},
                                    {"num_moe_layers", shape.num_moe_layers()},
                                    {"num_experts", shape.moe.num_experts},
                                    {"copy_experts", shape.moe.copy_experts},
                                    {"top_k", shape.top_k},
                                    {"d_ff", shape.moe.d_ff},
                                    {"shared_width", shape.moe.shared_width}}) {
    row.push_back({name, static_cast<std::int64_t>(value)});
  }
  const std::string router = router_name(shape);
  row.push_back({"router", router.empty() ? FlatValue() : FlatValue(router)});
  const TokenCost cost = known ? token_cost(shape, p) : TokenCost{};
  row.push_back({"flops_per_token", whole_if(known, cost.flops)});
  row.push_back({"flops_per_context_token", whole_if(known, cost.flops_per_context_token)});
  row.push_back({"kv_cache_bytes_per_token.bf16",
                 whole_bytes_if(known, kBf16Bytes * static_cast<double>(cost.kv_values_per_context_token))});
  for (const WeightStorage& storage : kWeightStorages) {
    row.push_back(
        {fmt::format("weight_bytes.{}", storage.name), whole_bytes_if(known, bytes(p.total, storage))});
    row.push_back({fmt::format("weight_bytes_per_token.{}", storage.name),
                   whole_bytes_if(known, bytes(read_by_token(p), storage))});
  }
  row.push_back({"source", model.source});
  row.push_back({"note", model.note.empty() ? FlatValue() : FlatValue(model.note)});
  return row;
}

std::string render_models(const std::vector<CatalogueModel>& models) {
  std::string text = fmt::format("{} {:>10} {:>9} {:>7}  {:-^37} {:>5} {:>3}\n", pad_to("in billions", 21),
                                 "", "", "", " active ", "", "") +
                     fmt::format("{} {:>10} {:>9} {:>7}  {:>9} {:>8} {:>8} {:>9} {:>5} {:>3}  {}\n",
                                 pad_to("model", 21), "total", "published", "diff %", "all", "no input",
                                 "no emb.", "published", "E", "k", "router");
  bool some_incomplete = false;
  for (const CatalogueModel& model : models) {
    text += table_line(model);
    some_incomplete = some_incomplete || !model.shape.complete;
  }
  text +=
      "\nall: both embeddings counted; no input: without the table that tokens are looked up in; no emb.: "
      "without\n"
      "the output projection, too. Heads for multi-token prediction and vision are not counted.\n";
  if (some_incomplete) {
    text += "(…): routed experts alone; the rest of the model is not published in full.\n";
  }
  return text +
         "\nnext    moesim models mixtral-8x7b           parts, work, memory and cache of one\n"
         "        moesim models --config config.json   the same of a checkpoint's file\n";
}

std::string render_model(const CatalogueModel& model, const std::vector<HfKey>& keys) {
  const ModelParameters p = count_parameters(model.shape);
  std::string text = fmt::format("{}  {}\n\n{}\n", display_safe(model.name), display_safe(model.title),
                                 fold_words(layers_text(model.shape), kWidth));
  const std::string router = router_name(model.shape);
  text += fmt::format("router   {}\n", router.empty() ? "not published" : router);
  text += fmt::format("source   {}\n", display_safe(model.source));
  if (!model.note.empty()) {
    text += fold_words("note     " + model.note, kWidth) + "\n";
  }
  if (!model.shape.complete) {
    return text + routed_only(p);
  }
  text += parameters_section(model.shape, p) + published_total_line(model, p) + active_section(model, p) +
          cost_section(model.shape, p) + weights_section(p) + in_words(p) + keys_section(keys);
  return text + "\nNot counted: heads for multi-token prediction, and what sees pictures or hears sound.\n";
}

}  // namespace moesim
