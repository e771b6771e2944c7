// moesim run: one experiment from config to result.

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/outputs.h"
#include "cli/session.h"
#include "core/error.h"
#include "core/text.h"
#include "engine/probe_limits.h"
#include "engine/run.h"
#include "metrics/flatten.h"
#include "report/routing_file.h"

namespace moesim {
std::vector<std::string> session_overrides(const RunArguments& arguments) {
  std::vector<std::string> overrides = arguments.overrides;
  if (!arguments.threads.empty()) {
    overrides.push_back(
        fmt::format("executor.threads={}", parse_whole_option("--threads", arguments.threads, 1, 1024)));
  }
  if (!arguments.seed.empty()) {
    parse_whole_option("--seed", arguments.seed, 0, std::numeric_limits<std::int64_t>::max());
    overrides.push_back("seed=" + arguments.seed);
  }
  if (!arguments.budget.empty()) {
    overrides.push_back(
        fmt::format("measure.budget_s={}", parse_seconds_option("--budget", arguments.budget, 0, 86400)));
  }
  return overrides;
}

namespace {

[[noreturn]] void no_effect(const std::string& option, const std::string& because, const std::string& help) {
  throw Error(ErrorKind::usage, fmt::format("{}: error: has no effect {} [no-effect]", option, because),
              help);
}

void check_effects(const RunArguments& arguments, Format format) {
  if (!arguments.show_tokens.empty() && format != Format::table) {
    no_effect("--show-tokens", fmt::format("with -o {}; expected -o table", arguments.output),
              "--save-routing FILE.csv writes every token");
  }
  if (arguments.report && (arguments.no_store || arguments.dry_run)) {
    no_effect("--report",
              arguments.no_store ? "with --no-store; expected only one of them"
                                 : "with --dry-run; expected only one of them",
              "a report is drawn from the stored run");
  }
  if (arguments.dry_run && !arguments.show_tokens.empty()) {
    no_effect("--show-tokens", "with --dry-run; expected only one of them", "leave --dry-run out");
  }
  if (arguments.dry_run && !arguments.save_routing.empty()) {
    no_effect("--save-routing", "with --dry-run; expected only one of them", "leave --dry-run out");
  }
}

Index tokens_to_show(const RunArguments& arguments, const Experiment& experiment, Format format) {
  constexpr Index kUnasked = 8;
  if (arguments.show_tokens.empty()) {
    const bool has_words = !experiment.workload->domain_names().empty() && experiment.workload->tokens() > 0;
    return format == Format::table && has_words ? kUnasked : 0;
  }
  return parse_whole_option("--show-tokens", arguments.show_tokens, 0, 100000);
}

// The result has been printed: a folder that cannot be written is a warning.
void keep(const RunArguments& arguments, const Experiment& experiment, const RunOptions& options,
          const RunRecord& record) {
  const MachineInfo machine = read_machine();
  std::string problem;
  try {
    const std::string id = experiment_id(experiment, resolve_threads(experiment, options, machine), machine);
    const std::string folder = store_run(arguments.config, id, record);
    write_stderr(fmt::format("saved    {}\n", display_path(folder)));
    if (arguments.report) {
      report_folder(folder);
    }
  } catch (const std::exception& error) {
    problem = error.what();
  }
  if (!problem.empty()) {
    write_stderr(fmt::format("warning: the result was not saved: {}\n", display_safe(problem)));
  }
}

// What the kernels reach, as moesim doctor --roofline left it.
std::optional<MachineLimits> kept_limits(const Experiment& experiment, const RunOptions& options) {
  const int threads = resolve_threads(experiment, options, read_machine());
  return read_cached_limits(limits_cache_path(), limits_key(threads)).limits;
}

void say_when_longer(const RunForecast& forecast) {
  const double seconds = forecast.record_seconds + forecast.minimum_seconds;
  if (seconds > std::max(1.0, 1.5 * forecast.budget_s)) {
    write_stderr(fmt::format(
        "this takes about {:.0f} s: the steps and measure.min_samples win over the budget of {:g} s\n",
        seconds, forecast.budget_s));
  }
}

}  // namespace

int run_command(const RunArguments& arguments, const std::string& colour) {
  std::vector<std::pair<std::string, std::string>> others;
  if (!arguments.save_routing.empty()) {
    checked_ending("--save-routing", arguments.save_routing, {"csv", "jsonl", "moer"});
    others.emplace_back("--save-routing", arguments.save_routing);
  }
  ResultOutputs outputs(arguments.output, arguments.out_files, others);
  check_effects(arguments, outputs.format());
  const Experiment experiment = load_experiment(arguments.config, session_overrides(arguments),
                                                {.in_a_sweep = arguments.as_sweep_point});
  if (!arguments.save_routing.empty() && experiment.router->traits().choice == Choice::soft) {
    no_effect("--save-routing", "with a soft router, which assigns no tokens; expected another router",
              "--show-tokens shows which experts a token's output is made of");
  }
  RunOptions options;
  options.show_tokens = tokens_to_show(arguments, experiment, outputs.format());
  options.limits = kept_limits(experiment, options);
  options.measure_shares = true;
  check_run_fits(experiment, options);
  outputs.open();
  if (arguments.dry_run) {
    const RunForecast forecast = forecast_run(experiment, options);
    outputs.write(
        [&](Format format, const ScreenStyle&) {
          return format == Format::table ? render_forecast(forecast, experiment)
                                         : render_row(flatten(forecast, experiment), format);
        },
        stdout_style(colour));
    return 0;
  }
  std::unique_ptr<RoutingFile> routing;
  if (!arguments.save_routing.empty()) {
    routing = std::make_unique<RoutingFile>(arguments.save_routing, *experiment.workload,
                                            experiment.router->num_experts());
    options.on_layer = [&routing](Index step, const LayerEvent& event) { routing->add(step, event); };
  }
  Progress progress;
  options.on_progress = [&progress](const std::string& phase, double fraction) {
    progress.show(phase, fraction);
  };
  options.on_forecast = say_when_longer;
  options.detail = !arguments.no_store;
  options.stop_requested = interrupt_requested;
  catch_interrupts();
  RunRecord record = run_experiment(experiment, options);
  record.as_sweep_point = arguments.as_sweep_point;
  progress.clear();
  outputs.write(
      [&](Format format, const ScreenStyle& style) {
        return format == Format::table ? render_screen(record, style) : render_row(flatten(record), format);
      },
      stdout_style(colour));
  if (routing != nullptr) {
    routing->close();
  }
  if (!arguments.no_store && !record.timing.interrupted) {
    keep(arguments, experiment, options, record);
  }
  return record.timing.interrupted ? static_cast<int>(ErrorKind::interrupted) : 0;
}

}  // namespace moesim
