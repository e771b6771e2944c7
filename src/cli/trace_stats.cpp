// moesim trace stats: what does recorded routing say?

#include <fmt/format.h>

#include "cli/outputs.h"
#include "cli/session.h"
#include "core/machine.h"
#include "core/text.h"
#include "io/recording.h"
#include "report/trace_rows.h"
#include "trace/summary.h"

namespace moesim {
int trace_stats_command(const TraceArguments& arguments, const std::string& colour) {
  ResultOutputs outputs(arguments.output.empty() ? "table" : arguments.output, {});
  TraceOptions options;
  if (!arguments.layer.empty()) {
    options.layer = parse_whole_option("--layer", arguments.layer, 0, 1 << 24);
  }
  const Context context({.threads = read_machine().usable_cores});
  const std::unique_ptr<Recording> recording = open_trace(arguments, context);
  outputs.open();
  const TraceSummary summary = summarise(*recording, options, context);
  outputs.write(
      [&](Format format, const ScreenStyle& style) {
        return format == Format::table ? render_trace(summary, style)
                                       : render_rows(trace_rows(summary), format);
      },
      stdout_style(colour));
  if (outputs.format() != Format::table) {
    for (const std::string& note : summary.info.notes) {
      write_stderr(fmt::format("note: {}\n", display_safe(note)));
    }
  }
  return 0;
}

}  // namespace moesim
