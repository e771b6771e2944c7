#include "engine/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "config/suggest.h"
#include "config/yaml.h"
#include "core/error.h"
#include "core/text.h"
#include "models/model_catalogue.h"
#include "router/recorded.h"

namespace moesim {
namespace {

// Without a model and without a config.
constexpr Index kUsualWidth = 256;
constexpr Index kUsualHidden = 512;
constexpr std::uint64_t kFewestPerStep = 64;
constexpr std::uint64_t kMostPerStep = 512;
constexpr std::uint64_t kUsualSteps = 8;
constexpr std::uint64_t kMostSteps = 64;

// Letters and digits alone, in lower case.
std::string bare(const std::string& text) {
  std::string plain;
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') {
      plain += static_cast<char>(c - 'A' + 'a');
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      plain += c;
    }
  }
  return plain;
}

// The model whose name is the longest that stands in what the recording calls its own: "mixtral-8x7b" in
// "Mixtral-8x7B-v0.1".
const CatalogueModel* model_called(const std::string& name) {
  const std::string wanted = bare(name);
  const CatalogueModel* best = nullptr;
  for (const CatalogueModel& model : model_catalogue().entries()) {
    if (wanted.find(bare(model.name)) != std::string::npos &&
        (best == nullptr || model.name.size() > best->name.size())) {
      best = &model;
    }
  }
  return best;
}

const CatalogueModel* chosen_model(const ReplayRequest& request, const RecordingGroup& group) {
  if (request.model.empty()) {
    return model_called(group.model);
  }
  const CatalogueModel* model = model_catalogue().find(request.model);
  if (model == nullptr) {
    const std::string near = suggest(request.model, model_catalogue().names());
    throw Error(
        ErrorKind::usage,
        fmt::format("--model: error: there is no model '{}'; expected a name that 'moesim models' lists "
                    "[unknown-variant]",
                    display_safe(request.model)),
        near.empty() ? "moesim models" : fmt::format("did you mean '{}'?", near));
  }
  return model;
}

void check_one_group(const ReplayRequest& request, const TraceSummary& summary) {
  if (summary.info.groups.size() == 1) {
    return;
  }
  const std::vector<RecordingGroup>& groups = summary.info.groups;
  constexpr std::size_t kShown = 4;
  std::string names;
  for (std::size_t g = 0; g < std::min(groups.size(), kShown); ++g) {
    names += (g == 0 ? "" : "; ") + conditions_of(summary.info, groups[g]);
  }
  throw Error(
      ErrorKind::usage,
      fmt::format("{}: error: the file holds {} recordings: {}{}; expected one [several-recordings]",
                  display_safe(request.trace), groups.size(), names, groups.size() > kShown ? "; …" : ""),
      "--where " + conditions_of(summary.info, groups.front()));
}

ReplayedShape shape_of(const ReplayRequest& request, const TraceSummary& summary) {
  const RecordingGroup& group = summary.info.groups.front();
  ReplayedShape shape;
  Index widest = 0;
  double most_per_token = 0;
  for (const LayerSummary& layer : summary.layers) {
    widest = std::max(widest, layer.num_experts());
    most_per_token = std::max(most_per_token, layer.load.mean_k());
  }
  const CatalogueModel* model = chosen_model(request, group);
  const std::vector<std::string>& columns = summary.info.columns;
  const bool says_experts = std::find(columns.begin(), columns.end(), "num_experts") != columns.end();
  if (model != nullptr) {
    const LayerShape& of_model = model->shape.moe;
    if (widest > of_model.pool_size() || (says_experts && group.num_experts != of_model.pool_size())) {
      throw Error(
          ErrorKind::usage,
          fmt::format("--model: error: {} has {} experts, the recording {}; expected the recorded model "
                      "[bad-relation]",
                      model->name, of_model.pool_size(), std::max(widest, group.num_experts)),
          "moesim models lists the models and their experts");
    }
    shape.model = model->name;
    shape.d_model = of_model.d_model;
    shape.d_ff = of_model.d_ff;
    if (request.model.empty() && request.config.empty()) {
      shape.notes.push_back(fmt::format("the recording's model is taken for {}", model->name));
    }
  } else {
    shape.d_model = kUsualWidth;
    shape.d_ff = kUsualHidden;
    if (request.config.empty()) {
      shape.notes.push_back(
          fmt::format("the model is not known: its layer is taken to be {} wide, its experts {} "
                      "(--model NAME, or a config)",
                      kUsualWidth, kUsualHidden));
    }
  }
  shape.num_experts = says_experts       ? group.num_experts
                      : model != nullptr ? model->shape.moe.pool_size()
                                         : std::max(widest, group.num_experts);
  const Index seen = std::max<Index>(1, std::llround(most_per_token));
  const bool of_model = !summary.info.by_token && model != nullptr;
  shape.top_k = group.top_k > 0 ? group.top_k : of_model ? model->shape.top_k : seen;
  return shape;
}

// The recorded layer that stands in the middle.
Index layer_of(const ReplayRequest& request, const TraceSummary& summary) {
  std::vector<Index> layers;
  for (const LayerSummary& layer : summary.layers) {
    layers.push_back(layer.layer);
  }
  const Index wanted = request.layer.value_or(layers[(layers.size() - 1) / 2]);
  if (std::find(layers.begin(), layers.end(), wanted) == layers.end()) {
    throw Error(ErrorKind::usage,
                fmt::format("--layer: error: {} has no layer {}; expected one of {} [no-such-layer]",
                            display_safe(request.trace), wanted, fmt::join(layers, ", ")));
  }
  return wanted;
}

// Of a recording whose layers together have more choices than are kept in memory: as many of its first
// tokens.
std::uint64_t tokens_that_fit(const TraceSummary& summary) {
  const double share =
      static_cast<double>(kMostRecordedAssignments) / static_cast<double>(summary.assignments);
  return std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(0.99 * share * static_cast<double>(most_tokens(summary))));
}

std::string recorded_router(const ReplayRequest& request, const ReplayPlan& plan, Index layer) {
  Node section = scalar_section({{"kind", "recorded"},
                                 {"file", std::filesystem::absolute(request.trace).string()},
                                 {"layer", std::to_string(layer)}});
  section.find("file")->value.quoted = true;
  if (plan.summary.info.by_token && plan.summary.assignments > kMostRecordedAssignments) {
    section.entries.push_back(
        scalar_section({{"tokens", std::to_string(tokens_that_fit(plan.summary))}}).entries.front());
  }
  if (!plan.summary.info.by_token) {
    section.entries.push_back(scalar_section({{"top_k", std::to_string(plan.shape.top_k)}}).entries.front());
  }
  if (!request.form.empty()) {
    section.entries.push_back(scalar_section({{"form", request.form}}).entries.front());
  }
  if (!request.where.empty()) {
    Node list;
    list.kind = Node::Kind::list;
    for (const auto& [column, value] : request.where) {
      Node item;
      item.kind = Node::Kind::scalar;
      item.quoted = true;
      item.text = column + "=" + value;
      list.items.push_back(std::move(item));
    }
    section.entries.push_back({"where", {}, std::move(list)});
  }
  return "router=" + print_yaml_value(section);
}

// Where no config is given: as many tokens as were recorded, in steps.
void add_usual_settings(const ReplayPlan& plan, std::vector<std::string>& overrides) {
  const std::uint64_t tokens = most_tokens(plan.summary);
  const std::uint64_t of_step = std::min(std::max<std::uint64_t>(tokens, 1),
                                         std::clamp(tokens / kUsualSteps, kFewestPerStep, kMostPerStep));
  const std::uint64_t steps = std::clamp<std::uint64_t>(tokens / of_step, 1, kMostSteps);
  overrides.insert(
      overrides.end(),
      {"capacity=none", "baselines=none",
       fmt::format("workload={{kind: gaussian_clusters, tokens: {}, steps: {}}}", of_step, steps)});
}

// What the recording decides is no setting.
void check_overrides(const ReplayRequest& request) {
  for (const std::string& override : request.overrides) {
    const std::string key = override.substr(0, override.find('='));
    if (key == "router" || key.rfind("router.", 0) == 0 || key == "layer.num_experts" ||
        key == "layer.checkpoint" || key == "execute") {
      throw Error(
          ErrorKind::usage,
          fmt::format(
              "--set {}: error: a replay routes as recorded and executes one layer; expected a key that "
              "is not {} [no-effect]",
              display_safe(override), display_safe(key)),
          "moesim run takes any router, kind: recorded too");
    }
  }
}

// A config may say more than a replay can do.
void check_replayed(const ReplayPlan& plan, const ReplayRequest& request) {
  const Experiment& recorded = plan.experiments.recorded;
  if (!recorded.execute) {
    throw Error(
        ErrorKind::usage,
        fmt::format(
            "{}: error: execute is false, but a replay times the experts; expected true [bad-relation]",
            display_safe(request.config)),
        "moesim trace stats says what the recording shows without running it");
  }
  if (recorded.shape.pool_size() != recorded.shape.num_experts || recorded.shape.num_layers != 1) {
    throw Error(
        ErrorKind::usage,
        fmt::format("{}: error: the layer has experts that compute nothing, or there are several layers; "
                    "expected one layer of the recorded experts [bad-relation]",
                    request.config.empty() ? "--set" : display_safe(request.config)));
  }
}

}  // namespace

std::uint64_t most_tokens(const TraceSummary& summary) {
  std::uint64_t tokens = 0;
  for (const LayerSummary& layer : summary.layers) {
    tokens = std::max(tokens, layer.load.tokens);
  }
  return tokens;
}

ReplayPlan plan_replay(const ReplayRequest& request, const Context& context) {
  check_overrides(request);
  ReplayPlan plan;
  plan.trace = request.trace;
  const RecordingOptions reading{.where = request.where, .form = request.form};
  plan.summary = summarise(*open_recording(request.trace, reading), {.kept_tokens = 0}, context);
  if (plan.summary.layers.empty()) {
    throw Error(ErrorKind::bad_data,
                display_safe(request.trace) +
                    ": error: the recording is empty; expected at least one token [empty-file]");
  }
  check_one_group(request, plan.summary);
  plan.layer = layer_of(request, plan.summary);
  plan.shape = shape_of(request, plan.summary);
  if (plan.summary.info.by_token && plan.summary.assignments > kMostRecordedAssignments) {
    plan.shape.notes.push_back(
        fmt::format("only the first {} tokens are replayed: more choices are not kept in memory",
                    tokens_that_fit(plan.summary)));
  }

  const std::string config = request.config.empty() ? "quickstart" : request.config;
  std::vector<std::string> common = {"name=replay",
                                     fmt::format("layer.num_experts={}", plan.shape.num_experts)};
  if (request.config.empty()) {
    add_usual_settings(plan, common);
    common.push_back(fmt::format("layer.d_model={}", plan.shape.d_model));
    common.push_back(fmt::format("layer.d_ff={}", plan.shape.d_ff));
  }
  // Keys without effect are errors, but where nothing is executed and most have none.
  const auto load = [&](std::vector<std::string> more, bool tolerant = false) {
    std::vector<std::string> overrides = common;
    overrides.insert(overrides.end(), more.begin(), more.end());
    overrides.insert(overrides.end(), request.overrides.begin(), request.overrides.end());
    return load_experiment(config, overrides, {.in_a_sweep = tolerant});
  };
  plan.experiments.recorded = load({recorded_router(request, plan, plan.layer)});
  plan.experiments.uniform = load({fmt::format("router={{kind: random, top_k: {}}}", plan.shape.top_k)});
  plan.experiments.every_layer = load(
      {recorded_router(request, plan, plan.summary.layers.front().layer), "execute=false", "baselines=none",
       "layer.d_model=1", fmt::format("layer.num_layers={}", plan.summary.layers.size())},
      true);
  check_replayed(plan, request);
  const Experiment& recorded = plan.experiments.recorded;
  plan.shape.d_model = recorded.shape.d_model;
  plan.shape.d_ff = recorded.shape.d_ff;
  plan.has_capacity = recorded.capacity.has_value();
  return plan;
}

Replay run_replay(ReplayExperiments experiments, const CompareOptions& options) {
  Replay replay;
  RunOptions recording;
  recording.measure = false;
  recording.stop_requested = options.stop_requested;
  replay.every_layer = run_experiment(experiments.every_layer, recording);
  std::vector<CompareInput> inputs;
  inputs.push_back({"recorded routing", std::move(experiments.recorded)});
  inputs.push_back({"uniform routing", std::move(experiments.uniform)});
  replay.comparison = compare_live(inputs, options);
  return replay;
}

}  // namespace moesim
