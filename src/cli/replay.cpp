// moesim replay: recorded routing, executed.

#include "engine/replay.h"
#include "cli/outputs.h"
#include "cli/session.h"
#include "core/machine.h"
#include "io/row_format.h"
#include "report/replay_screen.h"

namespace moesim {

int replay_command(const ReplayArguments& arguments, const std::string& colour) {
  ResultOutputs outputs(arguments.run.output, arguments.run.out_files);
  ReplayRequest request;
  request.trace = arguments.trace.file;
  request.config = arguments.run.config;
  request.overrides = session_overrides(arguments.run);
  request.model = arguments.trace.model;
  const RecordingOptions reading = recording_options(arguments.trace);
  request.form = reading.form;
  request.where = reading.where;
  if (!arguments.trace.layer.empty()) {
    request.layer = parse_whole_option("--layer", arguments.trace.layer, 0, 1 << 24);
  }
  CompareOptions options;
  if (!arguments.run.budget.empty()) {
    options.budget_s = parse_seconds_option("--budget", arguments.run.budget, 0, 86400);
  }
  const Context context({.threads = read_machine().usable_cores});
  ReplayPlan plan = plan_replay(request, context);
  outputs.open();
  Progress progress;
  options.stop_requested = interrupt_requested;
  options.on_progress = [&progress](const std::string& phase, double fraction) {
    progress.show(phase, fraction);
  };
  catch_interrupts();
  const Replay replay = run_replay(std::move(plan.experiments), options);
  progress.clear();
  outputs.write(
      [&](Format format, const ScreenStyle& style) {
        return format == Format::table ? render_replay(plan, replay, style)
                                       : render_rows(replay_rows(plan, replay), format);
      },
      stdout_style(colour));
  return replay.comparison.interrupted ? static_cast<int>(ErrorKind::interrupted) : 0;
}

}  // namespace moesim
