#include "report/models_screen.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.h"
#include "report/models_parts.h"
#include "report/numbers.h"

namespace moesim {
namespace {

constexpr int kWidth = 100;

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
  for (const ModelPart& part : parts_of(p, shape.tied_embeddings)) {
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
