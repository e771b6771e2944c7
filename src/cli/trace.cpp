// moesim trace: which of its actions, and the options of each.

#include <fmt/format.h>

#include "cli/session.h"
#include "core/error.h"
#include "core/machine.h"
#include "core/parallel.h"
#include "core/text.h"
#include "engine/routed_logits.h"
#include "io/files.h"
#include "io/recording_write.h"
#include "trace/loads_of.h"
#include "trace/summary.h"

namespace moesim {
namespace {

void check_unused(const std::string& option, const std::string& value, const char* action,
                  const char* other) {
  if (!value.empty()) {
    throw Error(ErrorKind::usage,
                fmt::format("{}: error: changes nothing with trace {}; expected it with trace {} [no-effect]",
                            option, action, other),
                fmt::format("moesim trace {} FILE {} {}", other, option, display_safe(shell_quoted(value))));
  }
}

// The loads alone, for the router family drawn.
void write_loads(const TraceArguments& arguments, Recording& recording, const Context& context) {
  const TraceSummary summary = summarise(recording, {}, context);
  write_file_atomically(arguments.to, print_loads(loads_of(summary, arguments.source)));
}

int convert(const TraceArguments& arguments) {
  if (arguments.to.empty()) {
    throw Error(
        ErrorKind::usage,
        "moesim trace convert: error: no --to given; expected the file to write [missing-option]",
        fmt::format("moesim trace convert {} --to trace.moer", display_safe(shell_quoted(arguments.file))));
  }
  const bool loads = arguments.to.ends_with(".yaml");
  if (!loads && !arguments.source.empty()) {
    throw Error(
        ErrorKind::usage,
        "--source: error: has no effect on recordings, only on loads; expected --to with a name that ends in "
        ".yaml [no-effect]");
  }
  const Context context({.threads = read_machine().usable_cores});
  const std::unique_ptr<Recording> recording = open_trace(arguments, context);
  if (!loads && !arguments.more.empty() && !recording->info().by_token) {
    throw Error(ErrorKind::usage,
                "moesim trace convert: error: several files of counts; expected one, or files of choices "
                "[bad-option]",
                "moesim trace stats reads them as one recording");
  }
  if (loads) {
    write_loads(arguments, *recording, context);
  } else {
    const std::unique_ptr<RecordingWriter> writer = write_recording(arguments.to, recording->info());
    copy_recording(*recording, *writer);
    writer->close();
  }
  write_stdout(fmt::format("{}\n", display_path(arguments.to)));
  for (const std::string& note : recording->info().notes) {
    write_stderr(fmt::format("note: {}\n", display_safe(note)));
  }
  return 0;
}

}  // namespace

RecordingOptions recording_options(const TraceArguments& arguments) {
  RecordingOptions options;
  options.form = arguments.form;
  options.model = arguments.model;
  for (const std::string& typed : arguments.where) {
    for (std::size_t at = 0; at <= typed.size();) {
      const std::size_t comma = std::min(typed.find(',', at), typed.size());
      const std::string condition = typed.substr(at, comma - at);
      const std::size_t equals = condition.find('=');
      if (equals == std::string::npos || equals == 0) {
        throw Error(
            ErrorKind::usage,
            fmt::format("--where: error: got '{}'; expected COLUMN=VALUE, several with commas [bad-option]",
                        display_safe(condition)),
            "--where domain=arxiv,ranks_counted=topk");
      }
      options.where.emplace_back(condition.substr(0, equals), condition.substr(equals + 1));
      at = comma + 1;
    }
  }
  return options;
}

std::unique_ptr<Recording> open_trace(const TraceArguments& arguments, const Context& context) {
  RecordingOptions options = recording_options(arguments);
  options.text = !arguments.to.empty();
  if (!arguments.router.empty() && !(options.where.empty() && options.form.empty())) {
    throw Error(
        ErrorKind::usage,
        fmt::format("--router: error: logits have no columns and no other form; expected it without {} "
                    "[no-effect]",
                    options.where.empty() ? "--form" : "--where"));
  }
  std::vector<std::string> files = {arguments.file};
  files.insert(files.end(), arguments.more.begin(), arguments.more.end());
  std::vector<std::unique_ptr<Recording>> recordings;
  for (const std::string& file : files) {
    recordings.push_back(arguments.router.empty()
                             ? open_recording(file, options)
                             : open_router_logits(file, arguments.router, arguments.model, context));
  }
  return recordings.size() == 1 ? std::move(recordings.front()) : join_recordings(std::move(recordings));
}

int trace_command(const TraceArguments& arguments, const std::string& colour) {
  const bool stats = parse_choice_option("moesim trace", arguments.action, {"convert", "stats"}) == "stats";
  if (stats) {
    check_unused("--to", arguments.to, "stats", "convert");
    check_unused("--source", arguments.source, "stats", "convert");
    return trace_stats_command(arguments, colour);
  }
  check_unused("--output", arguments.output, "convert", "stats");
  check_unused("--layer", arguments.layer, "convert", "stats");
  check_unused("--report", arguments.report, "convert", "stats");
  return convert(arguments);
}

}  // namespace moesim
