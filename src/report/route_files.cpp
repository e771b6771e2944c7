#include "report/route_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"
#include "io/files.h"
#include "io/npy.h"
#include "metrics/flatten.h"
#include "report/numbers.h"
#include "router/weight.h"

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

struct NamedFile {
  std::string name;
  std::string bytes;
};

template <class Element>
NamedFile array_file(const std::string& name, std::string_view descr, Index rows,
                     const std::vector<Element>& values) {
  const std::string_view payload(reinterpret_cast<const char*>(values.data()),
                                 values.size() * sizeof(Element));
  const Index cols = rows == 0 ? 0 : static_cast<Index>(values.size()) / rows;
  std::string bytes = npy_header({descr, rows, cols, payload});
  bytes += payload;
  return {name, std::move(bytes)};
}

NamedFile matrix_file(const std::string& name, const Matrix& matrix) {
  return array_file(name, "<f4", matrix.rows(),
                    std::vector<float>(matrix.data(), matrix.data() + matrix.rows() * matrix.cols()));
}

// The largest number of experts of any token; at least 1, so that an array always has a column.
Index most_experts(const Assignments& a) {
  Index most = 1;
  for (std::size_t t = 0; t + 1 < a.begin.size(); ++t) {
    most = std::max(most, a.begin[t + 1] - a.begin[t]);
  }
  return most;
}

std::vector<NamedFile> assignment_files(const Assignments& a, const DispatchPlan& plan) {
  const Index tokens = a.num_tokens();
  const Index width = most_experts(a);
  const std::size_t size =
      checked_mul(static_cast<std::uint64_t>(tokens), static_cast<std::uint64_t>(width), "the routing");
  std::vector<std::int32_t> expert(size, -1);
  std::vector<float> weight(size, 0.0F);
  std::vector<std::uint8_t> kept(size, 0);
  for (Index t = 0; t < tokens; ++t) {
    const Index begin = a.begin[static_cast<std::size_t>(t)];
    const Index end = a.begin[static_cast<std::size_t>(t) + 1];
    for (Index n = begin; n < end; ++n) {
      const auto at = static_cast<std::size_t>(t * width + n - begin);
      const Index row = plan.assignment_row[static_cast<std::size_t>(n)];
      // A re-routed assignment counts where it ran.
      expert[at] = row >= 0 ? plan.expert_of_row(row) : a.expert[static_cast<std::size_t>(n)];
      kept[at] = row >= 0 ? 1 : 0;
      weight[at] = row >= 0 ? plan.row_weight[static_cast<std::size_t>(row)] : 0.0F;
    }
  }
  return {array_file("expert.npy", "<i4", tokens, expert), array_file("weight.npy", "<f4", tokens, weight),
          array_file("kept.npy", "|b1", tokens, kept)};
}

Json json_of(const LoadStats& load) {
  return {{"max_violation", load.max_violation},
          {"min_over_mean", load.min_over_mean},
          {"min_violation", 1.0 - load.min_over_mean},
          {"load_cv", load.cv},
          {"load_gini", load.gini},
          {"load_entropy", load.entropy},
          {"effective_experts", load.effective_experts},
          {"dead_experts", load.dead_experts}};
}

Json json_of(const NoiseFloor& floor) {
  const auto point = [](const Floor& f) { return Json{{"mean", f.mean}, {"p05", f.p05}, {"p95", f.p95}}; };
  return {{"max_violation", point(floor.max_violation)},
          {"min_over_mean", point(floor.min_over_mean)},
          {"load_cv", point(floor.cv)},
          {"load_gini", point(floor.gini)},
          {"load_entropy", point(floor.entropy)},
          {"effective_experts", point(floor.effective_experts)},
          {"dead_experts", point(floor.dead_experts)}};
}

// The files that were given, by the names of their options.
Json json_of(const RouteFiles& files) {
  Json json = Json::object();
  const std::pair<const char*, const std::string&> all[] = {{"logits", files.logits},
                                                            {"hidden", files.hidden},
                                                            {"gate", files.gate},
                                                            {"gate-bias", files.gate_bias},
                                                            {"projection", files.projection},
                                                            {"token-ids", files.token_ids},
                                                            {"table", files.table},
                                                            {"bias", files.bias}};
  for (const auto& [option, path] : all) {
    if (!path.empty()) {
      json[option] = path;
    }
  }
  return json;
}

// Numbers as numbers, as in the records of runs. A bias that was given as a file stands under `inputs` alone.
Json json_of(const std::vector<ResolvedValue>& settings, bool given_bias) {
  Json json = Json::object();
  for (const ResolvedValue& value : settings) {
    if (given_bias && value.path == "router.expert_bias") {
      continue;
    }
    std::visit(
        [&](const auto& v) {
          if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::monostate>) {
            json[value.path] = nullptr;
          } else {
            json[value.path] = v;
          }
        },
        typed_value(value.value));
  }
  return json;
}

std::uint64_t sum_of(const Counts& counts) {
  std::uint64_t sum = 0;
  for (const std::uint64_t n : counts) {
    sum += n;
  }
  return sum;
}

}  // namespace

std::string route_json(const RoutedFiles& routed_files) {
  const auto& [policy, inputs, result] = routed_files;
  const std::uint64_t routed = sum_of(result.routed);
  const std::uint64_t processed = sum_of(result.processed);
  Json json = {{"router", policy.router_name},
               {"num_tokens", result.num_tokens},
               {"num_experts", result.num_experts},
               {"routed_per_expert", result.routed},
               {"tokens_per_expert", result.processed}};
  if (const auto* a = std::get_if<Assignments>(&result.routing)) {
    json["assignments"] = routed;
    json["kept"] = processed;
    json["dropped"] = routed - processed;
    json["capacity"] = result.plan.capacity() ? Json(*result.plan.capacity()) : Json(nullptr);
    json["weight_on"] = enum_text(a->weight_on);
    json["tied"] = *result.tied;
  }
  json["metrics"] = json_of(result.load);
  if (std::holds_alternative<Assignments>(result.routing)) {
    const auto share = [](std::uint64_t part, std::uint64_t whole) {
      return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
    };
    json["metrics"]["dropped_fraction"] = share(routed - processed, routed);
    json["metrics"]["experts_per_token"] = share(processed, static_cast<std::uint64_t>(result.num_tokens));
    json["metrics"]["tokens_without_expert"] = result.tokens_without_expert;
  }
  json["processed_metrics"] = json_of(result.processed_load);
  json["noise_floor"] = result.noise_floor ? json_of(*result.noise_floor) : Json(nullptr);
  json["losses"] = Json::object();
  Json meaningless = Json::object();
  for (const BatchLoss& loss : result.losses) {
    json["losses"][loss.name] = loss.value;
    if (!loss.why_not.empty()) {
      meaningless[loss.name] = loss.why_not;
    }
  }
  json["losses_without_meaning"] = meaningless;
  json["inputs"] = json_of(inputs);
  json["settings"] = json_of(policy.resolved, !inputs.bias.empty());
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string route_screen(const Policy& policy, const RouteResult& result) {
  std::string text = fmt::format("routed   {} tokens to {} experts by {}\n", result.num_tokens,
                                 result.num_experts, display_safe(policy.router_name));
  if (std::holds_alternative<SoftMix>(result.routing)) {
    return text + "         every token is a part of every slot; nothing is chosen and nothing dropped\n";
  }
  const std::uint64_t routed = sum_of(result.routed);
  const std::uint64_t processed = sum_of(result.processed);
  const std::string chance =
      result.noise_floor ? fmt::format(" (chance {:.3f})", result.noise_floor->max_violation.mean) : "";
  text += fmt::format("balance  MaxVio {:.3f}{}, CV {:.3f}, {} experts without a token\n",
                      result.load.max_violation, chance, result.load.cv, result.load.dead_experts);
  if (result.plan.capacity()) {
    text += fmt::format("dropped  {} of {} assignments, {} rows an expert\n", routed - processed, routed,
                        *result.plan.capacity());
  }
  if (*result.tied > 0) {
    text +=
        fmt::format("tied     {} went to the lowest index among equals; other programs may differ there\n",
                    *result.tied == 1 ? "1 choice" : fmt::format("{} choices", *result.tied));
  }
  return text;
}

void write_route_files(const std::string& folder, const RoutedFiles& routed) {
  const RouteResult& result = routed.result;
  std::vector<NamedFile> files;
  if (const auto* a = std::get_if<Assignments>(&result.routing)) {
    files = assignment_files(*a, result.plan);
  } else {
    const auto& mix = std::get<SoftMix>(result.routing);
    files = {matrix_file("dispatch.npy", mix.dispatch), matrix_file("combine.npy", mix.combine)};
  }
  files.push_back({"route.json", route_json(routed)});
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) {
    throw Error(
        ErrorKind::cannot_create,
        fmt::format("{}: error: the folder cannot be made: {}; expected a place that can be written to "
                    "[cannot-create]",
                    display_safe(folder), failed.message()),
        "name another folder");
  }
  std::vector<std::unique_ptr<OutputFile>> open;
  for (const NamedFile& file : files) {
    open.push_back(std::make_unique<OutputFile>(folder + "/" + file.name));
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    open[i]->write(files[i].bytes);
    open[i]->flush();
  }
  for (const auto& file : open) {
    file->close();
  }
  const bool soft = std::holds_alternative<SoftMix>(result.routing);
  for (const char* name : {"expert.npy", "weight.npy", "kept.npy", "dispatch.npy", "combine.npy"}) {
    const bool is_soft = std::string_view(name) == "dispatch.npy" || std::string_view(name) == "combine.npy";
    if (is_soft != soft) {
      std::filesystem::remove(folder + "/" + name, failed);  // of another router; where it cannot go it stays
    }
  }
}

}  // namespace moesim
