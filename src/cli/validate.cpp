// moesim validate: is a config right, and what does every key resolve to?

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/session.h"
#include "config/load.h"
#include "core/text.h"
#include "engine/experiment.h"
#include "engine/sweep.h"
#include "io/files.h"
#include "report/numbers.h"

namespace moesim {
namespace {

std::string resolved_table(const Experiment& experiment) {
  int key_width = 0;
  int value_width = 0;
  for (const ResolvedValue& value : experiment.resolved) {
    key_width = std::max(key_width, display_width(value.path));
    value_width = std::max(value_width, std::min(40, display_width(display_safe(value.value))));
  }
  std::string text;
  for (const ResolvedValue& value : experiment.resolved) {
    const std::string shown = display_safe(value.value);
    text += pad_to(value.path, key_width) + "  " +
            (display_width(shown) > value_width ? shown : pad_to(shown, value_width)) + "  " +
            display_safe(value.origin) + "\n";
  }
  return text;
}

std::string resolved_json(const Experiment& experiment) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ResolvedValue& value : experiment.resolved) {
    list.push_back({{"key", value.path}, {"value", value.value}, {"origin", value.origin}});
  }
  return list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

bool describes_sweep(const ValidateArguments& arguments) {
  Diagnostics diagnostics;
  const LoadedConfig config = load_config(arguments.config, arguments.overrides, diagnostics);
  const Node* sweep = config.root.child("sweep");
  return config.complete && sweep != nullptr && sweep->kind == Node::Kind::map;
}

}  // namespace

int validate_command(const ValidateArguments& arguments) {
  const std::string format = parse_choice_option("-o", arguments.output, {"table", "json"});
  if (format == "table" && !arguments.resolved && describes_sweep(arguments)) {
    const SweepPlan plan = plan_sweep({arguments.config, {}, arguments.overrides});  // loads every point
    write_stdout(fmt::format("ok: {}, a sweep of {}\n", display_safe(arguments.config),
                             counted(plan.points.size(), "point")));
    return 0;
  }
  const Experiment experiment =
      load_experiment(arguments.config, arguments.overrides, {.purpose = Purpose::check});
  if (format == "json") {
    write_stdout(resolved_json(experiment));
  } else if (arguments.resolved) {
    write_stdout(resolved_table(experiment));
  } else {
    write_stdout(fmt::format("ok: {}\n", display_safe(experiment.source.name)));
  }
  return 0;
}

}  // namespace moesim
