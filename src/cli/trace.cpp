// moesim trace: which of its actions, and the options of each.

#include <fmt/format.h>

#include "cli/session.h"
#include "core/error.h"
#include "core/text.h"
#include "io/files.h"
#include "io/recording_write.h"

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

int convert(const TraceArguments& arguments) {
  if (arguments.to.empty()) {
    throw Error(
        ErrorKind::usage,
        "moesim trace convert: error: no --to given; expected the file to write [missing-option]",
        fmt::format("moesim trace convert {} --to trace.moer", display_safe(shell_quoted(arguments.file))));
  }
  RecordingOptions options = recording_options(arguments);
  options.text = true;
  const std::unique_ptr<Recording> recording = open_recording(arguments.file, options);
  const std::unique_ptr<RecordingWriter> writer = write_recording(arguments.to, recording->info());
  copy_recording(*recording, *writer);
  writer->close();
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

int trace_command(const TraceArguments& arguments, const std::string& colour) {
  const bool stats = parse_choice_option("moesim trace", arguments.action, {"convert", "stats"}) == "stats";
  if (stats) {
    check_unused("--to", arguments.to, "stats", "convert");
    return trace_stats_command(arguments, colour);
  }
  check_unused("--output", arguments.output, "convert", "stats");
  check_unused("--layer", arguments.layer, "convert", "stats");
  check_unused("--report", arguments.report, "convert", "stats");
  if (!arguments.more.empty()) {
    throw Error(
        ErrorKind::usage,
        fmt::format("moesim trace convert: error: got a second file, '{}'; expected one [bad-option]",
                    display_safe(arguments.more.front())),
        fmt::format("moesim trace convert {} --to trace.moer", display_safe(shell_quoted(arguments.file))));
  }
  return convert(arguments);
}

}  // namespace moesim
