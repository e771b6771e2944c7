// moesim balance: how fast, how close and at what price do controllers balance the load?

#include <fmt/format.h>

#include "cli/outputs.h"
#include "cli/page_output.h"
#include "cli/session.h"
#include "core/error.h"
#include "core/text.h"
#include "page/pages.h"
#include "report/balance_screen.h"

namespace moesim {
namespace {

void check_controllers(const Experiment& experiment) {
  if (!experiment.balance || experiment.balance->controllers.empty()) {
    throw Error(
        ErrorKind::config,
        fmt::format("{}: error: balance: names no controller; expected a section such as {{controllers: "
                    "[{{kind: loss_free_sign}}, {{kind: quantile_balancing}}]}} [missing-key]",
                    display_safe(experiment.source.name)),
        "--set balance.controller.kind=loss_free_sign");
  }
}

void check_by_step(const BalanceArguments& arguments, Format format) {
  if (arguments.by_step && format == Format::table && arguments.run.out_files.empty()) {
    throw Error(
        ErrorKind::usage,
        "--by-step: error: has no effect with -o table; expected -o csv, json, jsonl or md [no-effect]",
        "-o csv --by-step");
  }
}

}  // namespace

int balance_command(const BalanceArguments& arguments, const std::string& colour) {
  PageOutput page(arguments.page);
  ResultOutputs outputs(arguments.run.output, arguments.run.out_files, page.names());
  check_by_step(arguments, outputs.format());
  const Experiment experiment = load_experiment(arguments.run.config, session_overrides(arguments.run),
                                                {.purpose = Purpose::closed_loop});
  check_controllers(experiment);
  outputs.open();
  page.open();
  Progress progress;
  catch_interrupts();
  const BalanceRecord record =
      run_balance(experiment, {.stop_requested = interrupt_requested,
                               .on_progress = [&progress](const std::string& phase, double fraction) {
                                 progress.show(phase, fraction);
                               }});
  progress.clear();
  outputs.write(
      [&](Format format, const ScreenStyle& style) {
        if (format == Format::table) {
          return render_balance(record, style);
        }
        return render_rows(arguments.by_step ? balance_step_rows(record) : balance_rows(record), format);
      },
      stdout_style(colour));
  page.write([&] { return balance_page(record); });
  return record.interrupted ? static_cast<int>(ErrorKind::interrupted) : 0;
}

}  // namespace moesim
