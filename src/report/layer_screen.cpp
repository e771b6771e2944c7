#include "report/layer_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "report/numbers.h"
#include "report/route_files.h"

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

Index shared_width(const ModelShape& shape) {
  return shape.moe.has_shared()
             ? std::max(shape.moe.shared_width, shape.moe.num_shared_experts * shape.moe.d_ff)
             : 0;
}

std::string block_text(const ModelShape& shape) {
  std::string text = fmt::format("{} experts of {} x {}, top {}", shape.moe.num_experts, shape.d_model,
                                 shape.moe.d_ff, shape.top_k);
  if (shape.moe.copy_experts > 0) {
    text += fmt::format(", {} that return their input", shape.moe.copy_experts);
  }
  if (shape.moe.has_shared()) {
    text += fmt::format(", shared experts of {}", shared_width(shape));
  }
  return text;
}

std::string types_text(const std::vector<const TensorInfo*>& tensors) {
  std::map<std::string, std::size_t> counts;
  for (const TensorInfo* tensor : tensors) {
    ++counts[std::string(tensor->type_name)];
  }
  std::vector<std::pair<std::string, std::size_t>> list(counts.begin(), counts.end());
  std::stable_sort(list.begin(), list.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (const auto& [type, count] : list) {
    text += (text.empty() ? "" : ", ") + display_safe(type);
  }
  return text;
}

std::string layer_screen(const LayerReport& report) {
  const ModelShape& shape = report.checkpoint.shape();
  std::string text = fmt::format("layer    {} of {} in {} ({})\n", report.layer, shape.num_layers(),
                                 display_safe(report.folder), display_safe(shape.name));
  text += fmt::format("block    {}; {}, layout {}\n", block_text(shape), types_text(report.block.tensors),
                      display_safe(report.checkpoint.layout().name));
  text += route_screen(report.policy, report.routed.result);
  text += fmt::format(
      "near     {} so near a tie that rounding decides; another program may choose otherwise there\n",
      report.routed.near_ties == 1
          ? "1 token is"
          : fmt::format("{} tokens are", with_commas(static_cast<std::uint64_t>(report.routed.near_ties))));
  if (!report.out.empty()) {
    text += fmt::format("saved    {}\n", display_safe(report.out));
  }
  if (!report.routing.empty()) {
    text += fmt::format("saved    {}/\n", display_safe(report.routing));
  }
  return text;
}

std::string layer_json(const LayerReport& report) {
  const ModelShape& shape = report.checkpoint.shape();
  const RouteResult& result = report.routed.result;
  const auto path_or_null = [](const std::string& path) { return path.empty() ? Json(nullptr) : Json(path); };
  Json json = {{"checkpoint", report.folder},
               {"model", shape.name},
               {"layer", report.layer},
               {"num_layers", shape.num_layers()},
               {"layout", report.checkpoint.layout().name},
               {"types", types_text(report.block.tensors)},
               {"router", report.policy.router_name},
               {"d_model", shape.d_model},
               {"d_ff", shape.moe.d_ff},
               {"shared_width", shared_width(shape)},
               {"num_experts", shape.moe.num_experts},
               {"copy_experts", shape.moe.copy_experts},
               {"top_k", shape.top_k},
               {"num_tokens", result.num_tokens},
               {"near_ties", report.routed.near_ties},
               {"tied", result.tied ? Json(*result.tied) : Json(nullptr)},
               {"routed_per_expert", result.routed},
               {"output", path_or_null(report.out)},
               {"routing", path_or_null(report.routing)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace moesim
