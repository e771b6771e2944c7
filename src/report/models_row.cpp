#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <string_view>

#include "report/models_parts.h"
#include "report/models_screen.h"

namespace moesim {
namespace {

constexpr double kBitsPerByte = 8.0;

// Beyond 2^63, which sizes of a hostile config.json reach, the nearest double.
FlatValue whole(std::uint64_t value) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return value > kMost ? FlatValue(static_cast<double>(value)) : FlatValue(static_cast<std::int64_t>(value));
}

FlatValue whole_if(bool known, std::uint64_t value) {
  return known ? whole(value) : FlatValue();
}

FlatValue whole_bytes_if(bool known, double value) {
  constexpr double kMost = 9e18;  // below 2^63
  return !known          ? FlatValue()
         : value > kMost ? FlatValue(value)
                         : FlatValue(static_cast<std::int64_t>(std::ceil(value)));
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

}  // namespace

double billions(std::uint64_t value) {
  return static_cast<double>(value) / kBillion;
}

std::string router_name(const ModelShape& shape) {
  const Node* preset = shape.router.child("preset");
  return preset == nullptr ? "" : preset->text;
}

std::uint64_t read_by_token(const ModelParameters& p) {
  return p.active.no_input_embedding;
}

double bytes(std::uint64_t parameters, const WeightStorage& storage) {
  return static_cast<double>(parameters) * storage.bits / kBitsPerByte;
}

std::array<ModelPart, 8> parts_of(const ModelParameters& p, bool tied) {
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
  for (const ModelPart& part : parts_of(p, shape.tied_embeddings)) {
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

}  // namespace moesim
