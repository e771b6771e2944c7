// moesim trace stats: what does recorded routing say?

#include <fmt/format.h>

#include "cli/outputs.h"
#include "cli/page_output.h"
#include "cli/session.h"
#include "core/machine.h"
#include "core/text.h"
#include "io/files.h"
#include "io/recording.h"
#include "page/trace_page.h"
#include "report/trace_rows.h"
#include "trace/summary.h"

namespace moesim {
namespace {

std::string command_of(const TraceArguments& arguments) {
  std::string command = "moesim trace stats " + shell_quoted(arguments.file);
  for (const std::string& file : arguments.more) {
    command += " " + shell_quoted(file);
  }
  for (const std::string& where : arguments.where) {
    command += " --where " + shell_quoted(where);
  }
  for (const auto& [option, value] :
       {std::pair("--form", arguments.form), std::pair("--model", arguments.model),
        std::pair("--layer", arguments.layer), std::pair("--router", arguments.router)}) {
    command += value.empty() ? "" : fmt::format(" {} {}", option, shell_quoted(value));
  }
  return command;
}

}  // namespace

int trace_stats_command(const TraceArguments& arguments, const std::string& colour) {
  PageOutput page({.report = arguments.report, .figures = {}});
  ResultOutputs outputs(arguments.output.empty() ? "table" : arguments.output, {}, page.names());
  TraceOptions options;
  if (!arguments.layer.empty()) {
    options.layer = parse_whole_option("--layer", arguments.layer, 0, 1 << 24);
  }
  const Context context({.threads = read_machine().usable_cores});
  const std::unique_ptr<Recording> recording = open_trace(arguments, context);
  outputs.open();
  page.open();
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
  page.write([&] { return trace_page(summary, command_of(arguments)); });
  return 0;
}

}  // namespace moesim
