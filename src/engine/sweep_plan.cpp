// From a sweep to its points.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "config/overrides.h"
#include "config/yaml.h"
#include "core/hash.h"
#include "core/text.h"
#include "engine/estimate.h"
#include "engine/sweep.h"
#include "engine/sweep_axes.h"
#include "metrics/flatten.h"

namespace moesim {
namespace {

struct Combination {
  std::vector<std::string> overrides;                       // of the axes alone
  std::vector<std::pair<std::string, std::string>> values;  // axis, value
};

Combination combine(const SweepSpec& spec, const std::vector<std::size_t>& choice) {
  Combination combination;
  for (std::size_t axis = 0; axis < spec.axes.size(); ++axis) {
    const std::string& key = spec.axes[axis].key;
    const std::string& value = spec.axes[axis].values[choice[axis]];
    combination.overrides.push_back(key + "=" + value);
    combination.values.emplace_back(key, value);
  }
  return combination;
}

// Keys without effect at some points only are fine; the rest is reported as for a single run.
class InertKeys {
 public:
  void add(const std::vector<Diagnostic>& inert) {
    std::set<std::string> here;
    for (const Diagnostic& key : inert) {
      here.insert(key.key);
      first_.emplace(key.key, key);
    }
    if (points_++ == 0) {
      everywhere_ = here;
    } else {
      std::set<std::string> both;
      std::set_intersection(everywhere_.begin(), everywhere_.end(), here.begin(), here.end(),
                            std::inserter(both, both.end()));
      everywhere_ = both;
    }
  }
  void check() const {
    Diagnostics diagnostics;
    for (const std::string& key : everywhere_) {
      diagnostics.add(first_.at(key));
    }
    if (!diagnostics.empty()) {
      throw ConfigError(diagnostics);
    }
  }

 private:
  std::set<std::string> everywhere_;
  std::map<std::string, Diagnostic> first_;
  std::size_t points_ = 0;
};

bool is_inert(const Experiment& experiment, const std::string& key) {
  return std::any_of(experiment.inert_keys.begin(), experiment.inert_keys.end(),
                     [&](const Diagnostic& d) { return d.key == key || key.rfind(d.key + ".", 0) == 0; });
}

// All settings in one text, with or without the measure section: how long is measured is not what is
// measured.
std::string settings_of(const Experiment& experiment, bool with_measure) {
  std::vector<std::string> facts;
  for (const ResolvedValue& value : experiment.resolved) {
    if ((with_measure || value.path.rfind("measure.", 0) != 0) && value.path != "name") {
      facts.push_back(value.path + "=" + value.value);
    }
  }
  std::sort(facts.begin(), facts.end());
  std::string all;
  for (const std::string& fact : facts) {
    all += fact + "\n";
  }
  return all;
}

[[noreturn]] void throw_at_point(const Error& error, const Combination& combination, bool others_are_fine) {
  std::string axes;
  for (const auto& [key, value] : combination.values) {
    axes += (axes.empty() ? "" : " ") + key + "=" + value;
  }
  throw Error(error.kind(), fmt::format("at the point {}:\n{}", axes, error.what()),
              others_are_fine
                  ? "--where leaves out combinations that cannot be, for example --where 'router.top_k <= "
                    "layer.num_experts'"
                  : error.help());
}

class Planner {
 public:
  explicit Planner(const SweepRequest& request) : request_(request), machine_(read_machine()) {}

  SweepPlan plan();

 private:
  void read_spec();
  bool counts(const Combination& combination) const;
  void add_point(const Combination& combination);

  const SweepRequest& request_;
  MachineInfo machine_;
  SweepSpec spec_;
  Node root_;
  SweepPlan plan_;
  InertKeys inert_;
  std::set<std::string> seen_;
  std::set<std::string> shapes_;
  double yardstick_flops_ = 0;
};

void Planner::read_spec() {
  Diagnostics diagnostics;
  const LoadedConfig loaded = load_config(request_.config, request_.overrides, diagnostics);
  root_ = loaded.root;
  spec_ = read_sweep(root_.child("sweep"), request_.axes, diagnostics);
  if (!diagnostics.empty()) {
    throw ConfigError(diagnostics);
  }
  if (spec_.axes.empty()) {
    throw Error(
        ErrorKind::config,
        fmt::format("{}: error: there is nothing to vary; expected a `sweep` section or -p [bad-axis]",
                    loaded.source.name),
        fmt::format("moesim sweep {} -p layer.num_experts=4,8,16 -p router.top_k=1..2", request_.config));
  }
  for (const std::string& override : request_.overrides) {
    const std::string key = override.substr(0, override.find('='));
    for (const SweepAxis& axis : spec_.axes) {
      if (key == axis.key || key.rfind(axis.key + ".", 0) == 0) {
        throw Error(
            ErrorKind::config,
            fmt::format("moesim sweep: error: {} is set to one value, but the sweep varies {}; expected one "
                        "of the two [no-effect]",
                        display_safe(key), display_safe(axis.key)),
            "leave one of them out");
      }
    }
  }
}

// The value of a key in a tree, else what its preset or its field say.
std::string written_or_default(const Node& root, const std::string& key) {
  const std::size_t dot = key.find('.');
  const Node* room = dot == std::string::npos ? &root : root.child(key.substr(0, dot));
  const std::string name = dot == std::string::npos ? key : key.substr(dot + 1);
  if (room != nullptr && room->child(name) != nullptr) {
    return room->child(name)->text;
  }
  const auto text_of = [](const Node* node, const char* child) {
    const Node* value = node == nullptr ? nullptr : node->child(child);
    return value == nullptr ? std::string() : value->text;
  };
  std::string kind = text_of(room, "kind");
  if (const RouterPreset* preset = router_presets().find(text_of(room, "preset")); preset != nullptr) {
    if (const Node* value = preset->section.child(name)) {
      return value->text;
    }
    kind = text_of(&preset->section, "kind");
  }
  const std::string path = dot == std::string::npos ? "" : key.substr(0, dot);
  for (const SectionInfo& section : config_sections()) {
    if (section.path == path || section.path == fmt::format("{} (kind: {})", path, kind)) {
      for (const FieldInfo& field : section.fields) {
        if (field.name == name) {
          return field.default_text;
        }
      }
    }
  }
  return "";
}

bool Planner::counts(const Combination& combination) const {
  if (spec_.where.empty()) {
    return true;
  }
  Node tree = root_;
  Diagnostics later;  // what is wrong is said when the point is loaded
  apply_overrides(combination.overrides, tree, later);
  return holds(spec_.where, [&](const std::string& key) { return written_or_default(tree, key); });
}

void Planner::add_point(const Combination& combination) {
  SweepPoint point;
  point.overrides = request_.overrides;
  point.overrides.insert(point.overrides.end(), combination.overrides.begin(), combination.overrides.end());
  const auto load = [&] {
    try {
      return load_experiment(request_.config, point.overrides, {.in_a_sweep = true});
    } catch (const Error& error) {
      throw_at_point(error, combination, !plan_.points.empty());
    }
  };
  Experiment experiment = load();
  for (const ResolvedValue& value : experiment.resolved) {
    if (value.path == "measure.budget_s" && value.origin == "default") {
      point.overrides.emplace_back(kSweepBudget);
      experiment = load();
      break;
    }
  }
  inert_.add(experiment.inert_keys);
  if (!seen_.insert(settings_of(experiment, true)).second) {
    ++plan_.merged;
    return;
  }
  shapes_.insert(settings_of(experiment, false));
  for (const auto& [key, value] : combination.values) {
    if (!is_inert(experiment, key)) {
      point.parameters.push_back({key, typed_value(value)});
    }
  }
  plan_.name = experiment.name;
  point.place = static_cast<std::int64_t>(plan_.points.size());
  const int threads = resolve_threads(experiment, {}, machine_);
  point.id = experiment_id(experiment, threads, machine_);
  try {
    check_run_fits(experiment, {}, machine_);
  } catch (const Error& error) {
    point.too_large = error.what();
  }
  if (point.too_large.empty()) {
    if (yardstick_flops_ == 0) {
      yardstick_flops_ = measure_yardstick(experiment, {.threads = threads});
    }
    point.forecast = forecast_run(experiment, {}, yardstick_flops_);
  }
  plan_.points.push_back(std::move(point));
}

SweepPlan Planner::plan() {
  read_spec();
  plan_.config = request_.config;
  for (const SweepAxis& axis : spec_.axes) {
    plan_.axes.push_back(axis.key);
  }
  std::vector<std::vector<std::size_t>> kept;
  for (std::vector<std::size_t>& choice : combinations(spec_)) {
    if (counts(combine(spec_, choice))) {
      kept.push_back(std::move(choice));
    } else {
      ++plan_.excluded;
    }
  }
  for (const std::vector<std::size_t>& choice : draw_sample(spec_, std::move(kept))) {
    add_point(combine(spec_, choice));
  }
  if (plan_.points.empty()) {
    throw Error(ErrorKind::config,
                fmt::format("{}: error: `where` leaves no point of {}; expected at least one [bad-where]",
                            request_.config, plan_.excluded));
  }
  inert_.check();
  Hasher hash;
  for (const std::string& shape : shapes_) {
    hash.add_bytes(shape.data(), shape.size());
  }
  plan_.id = to_hex(hash.digest());
  return std::move(plan_);
}

}  // namespace

SweepPlan plan_sweep(const SweepRequest& request) {
  return Planner(request).plan();
}

}  // namespace moesim
