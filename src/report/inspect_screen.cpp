#include "report/inspect_screen.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/text.h"
#include "models/checkpoint_experts.h"
#include "report/layer_screen.h"
#include "report/numbers.h"
#include "router/router.h"

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

std::string billions(std::uint64_t count) {
  return count < 10'000'000 ? with_commas(count) : fmt::format("{:.3f} B", static_cast<double>(count) / 1e9);
}

std::string types_of(const std::vector<TypeCount>& types) {
  std::string text;
  for (const TypeCount& type : types) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", display_safe(type.name),
                        short_bytes(static_cast<double>(type.bytes)));
  }
  return text;
}

std::string names_of(const std::vector<TypeCount>& types) {
  std::string text;
  for (const TypeCount& type : types) {
    text += (text.empty() ? "" : ", ") + display_safe(type.name);
  }
  return text;
}

std::string router_of(const ModelShape& shape) {
  const Node* preset = shape.router.child("preset");
  return preset == nullptr ? "" : preset->text;
}

std::string range_text(const std::optional<NormRange>& range) {
  return range ? fmt::format("{:.4g} {:.4g} {:.4g}", range->min, range->median, range->max) : "";
}

Json range_json(const std::optional<NormRange>& range) {
  return range ? Json{{"min", range->min}, {"median", range->median}, {"max", range->max}} : Json(nullptr);
}

Json types_json(const std::vector<TypeCount>& types) {
  Json list = Json::array();
  for (const TypeCount& type : types) {
    list.push_back({{"type", type.name}, {"tensors", type.tensors}, {"bytes", type.bytes}});
  }
  return list;
}

std::string table_of(const Inspection& found) {
  struct Row {
    std::string layer, types, gate, bias, experts;
  };
  std::vector<Row> rows = {{"layer", "types", "gate rows", "selection bias", "experts"}};
  for (const InspectedLayer& layer : found.layers) {
    rows.push_back({std::to_string(layer.layer), layer.problem.empty() ? names_of(layer.types) : "problem",
                    range_text(layer.gate_rows), range_text(layer.selection_bias),
                    range_text(layer.experts)});
  }
  int layer = 0;
  int types = 0;
  int gate = 0;
  int bias = 0;
  for (const Row& row : rows) {
    layer = std::max(layer, display_width(row.layer));
    types = std::max(types, display_width(row.types));
    gate = std::max(gate, display_width(row.gate));
    bias = std::max(bias, display_width(row.bias));
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line =
        fmt::format("  {}  {}  {}  {}  {}", pad_left(row.layer, layer), pad_to(row.types, types),
                    pad_to(row.gate, gate), pad_to(row.bias, bias), row.experts);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace

std::string inspect_screen(const InspectReport& report) {
  const ModelShape& shape = report.checkpoint.shape();
  const Inspection& found = report.found;
  const ModelParameters& p = found.parameters;
  std::string text = fmt::format("files    {}: {}, {}; {}\n", display_safe(report.folder),
                                 counted(report.checkpoint.tensors().shards().size(), "file"),
                                 counted(found.tensors, "tensor"), types_of(found.types));
  text += fmt::format("model    {}, {}, those with experts: {}\n", display_safe(shape.name),
                      counted(static_cast<std::uint64_t>(shape.num_layers()), "layer"),
                      ranges_text(report.checkpoint.moe_layers()));
  text += fmt::format("block    {}; router {}\n", block_text(shape), display_safe(router_of(shape)));
  text += fmt::format("names    layout {}, behind '{}'\n", display_safe(report.checkpoint.layout().name),
                      display_safe(report.checkpoint.prefix()));
  text += fmt::format("weights  {} by config.json, of them {} in routed experts; {} numbers are stored\n",
                      billions(p.total), billions(p.routed), billions(found.numbers));
  text += fmt::format("active   {} a token with both embeddings, {} without the input's, {} without both\n",
                      billions(p.active.all), billions(p.active.no_input_embedding),
                      billions(p.active.no_embeddings));
  text +=
      "sizes    smallest, median and largest: of the gate's rows, of the bias, and of each expert's weights "
      "together\n";
  text += table_of(found);
  if (!report.all_norms) {
    text += "         --norms reads those of all layers, --layer N those of one\n";
  }
  for (const InspectedLayer& layer : found.layers) {
    if (!layer.problem.empty()) {
      text += fmt::format("problem  layer {}: {}\n", layer.layer, layer.problem);
    }
  }
  return text;
}

std::string inspect_json(const InspectReport& report) {
  const ModelShape& shape = report.checkpoint.shape();
  const Inspection& found = report.found;
  const ModelParameters& p = found.parameters;
  Json json = {{"checkpoint", report.folder},
               {"model", shape.name},
               {"files", report.checkpoint.tensors().shards().size()},
               {"tensors", found.tensors},
               {"bytes", found.bytes},
               {"types", types_json(found.types)},
               {"layout", report.checkpoint.layout().name},
               {"prefix", report.checkpoint.prefix()},
               {"num_layers", shape.num_layers()},
               {"moe_layers", report.checkpoint.moe_layers()},
               {"router", router_of(shape)},
               {"d_model", shape.d_model},
               {"d_ff", shape.moe.d_ff},
               {"shared_width", shared_width(shape)},
               {"num_experts", shape.moe.num_experts},
               {"copy_experts", shape.moe.copy_experts},
               {"top_k", shape.top_k},
               {"stored_numbers", found.numbers},
               {"total_params", p.total},
               {"routed_params", p.routed},
               {"active_params.all", p.active.all},
               {"active_params.no_input_embedding", p.active.no_input_embedding},
               {"active_params.no_embeddings", p.active.no_embeddings},
               {"layers", Json::array()}};
  for (const InspectedLayer& layer : found.layers) {
    json["layers"].push_back({{"layer", layer.layer},
                              {"problem", layer.problem.empty() ? Json(nullptr) : Json(layer.problem)},
                              {"types", types_json(layer.types)},
                              {"bytes", layer.bytes},
                              {"gate_row_norm", range_json(layer.gate_rows)},
                              {"selection_bias", range_json(layer.selection_bias)},
                              {"expert_norm", range_json(layer.experts)}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace moesim
