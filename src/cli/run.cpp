// moesim run: one experiment from config to result.

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/session.h"
#include "core/error.h"
#include "engine/run.h"
#include "io/files.h"
#include "report/routing_file.h"

namespace moesim {
namespace {

// The short options are overrides too, so that the resolved config in the record shows them.
std::vector<std::string> all_overrides(const RunArguments& arguments) {
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
    parse_real_option("--budget", arguments.budget, 0, 86400);
    overrides.push_back("measure.budget_s=" + arguments.budget);
  }
  return overrides;
}

Index tokens_to_show(const RunArguments& arguments, const Experiment& experiment, Format format) {
  constexpr Index kUnasked = 8;
  if (arguments.show_tokens.empty()) {
    const bool has_words = !experiment.workload->domain_names().empty() && experiment.workload->tokens() > 0;
    return format == Format::table && has_words ? kUnasked : 0;
  }
  if (format != Format::table) {
    throw Error(ErrorKind::usage,
                fmt::format("--show-tokens: error: has no effect with -o {}; expected -o table [no-effect]",
                            arguments.output),
                "--save-routing FILE.csv writes every token");
  }
  return parse_whole_option("--show-tokens", arguments.show_tokens, 0, 100000);
}

std::string render(const RunRecord& record, Format format, const ScreenStyle& style) {
  return format == Format::table ? render_screen(record, style) : render_row(flatten(record), format);
}

}  // namespace

int run_command(const RunArguments& arguments, const std::string& colour) {
  const Format format = parse_format("-o", arguments.output);
  std::vector<Format> file_formats;
  for (const std::string& path : arguments.out_files) {
    file_formats.push_back(format_of_file(path));
  }
  const Experiment experiment = load_experiment(arguments.config, all_overrides(arguments));
  RunOptions options;
  options.show_tokens = tokens_to_show(arguments, experiment, format);
  if (arguments.dry_run) {
    check_run_fits(experiment, options);
    write_stdout(render_forecast(forecast_run(experiment, options), experiment));
    return 0;
  }
  std::unique_ptr<RoutingFile> routing;
  if (!arguments.save_routing.empty()) {
    check_run_fits(experiment, options);
    routing = std::make_unique<RoutingFile>(arguments.save_routing, *experiment.workload);
    options.on_layer = [&routing](Index step, const LayerEvent& event) { routing->add(step, event); };
  }
  Progress progress;
  options.on_progress = [&progress](const std::string& phase, double fraction) {
    progress.show(phase, fraction);
  };
  options.on_forecast = [](const RunForecast& forecast) {
    const double seconds = forecast.record_seconds + forecast.minimum_seconds;
    if (seconds > std::max(1.0, 1.5 * forecast.budget_s)) {
      write_stderr(fmt::format(
          "this takes about {:.0f} s: the steps and measure.min_samples win over the budget of {:g} s\n",
          seconds, forecast.budget_s));
    }
  };
  options.stop_requested = interrupt_requested;
  catch_interrupts();
  const RunRecord record = run_experiment(experiment, options);
  progress.clear();
  if (routing != nullptr) {
    routing->close();
  }
  write_stdout(
      render(record, format, stdout_style(colour)));  // first: a file that fails must not lose the result
  for (std::size_t i = 0; i < arguments.out_files.size(); ++i) {
    write_file_atomically(arguments.out_files[i], render(record, file_formats[i], file_style()));
  }
  return record.timing.interrupted ? static_cast<int>(ErrorKind::interrupted) : 0;
}

}  // namespace moesim
