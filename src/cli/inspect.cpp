// moesim inspect: what Mixture-of-Experts is in a checkpoint.

#include "models/inspect.h"
#include "cli/session.h"
#include "core/error.h"
#include "core/machine.h"
#include "io/files.h"
#include "report/inspect_screen.h"

namespace moesim {

int inspect_command(const InspectArguments& a) {
  const bool json = parse_choice_option("-o", a.output, {"table", "json"}) == "json";
  if (a.checkpoint.empty()) {
    throw Error(ErrorKind::usage, "moesim inspect: error: DIR is not given; expected DIR [missing-option]",
                "a folder with config.json and .safetensors files");
  }
  InspectOptions options;
  options.all_norms = a.norms;
  if (!a.layer.empty()) {
    constexpr std::int64_t kMostLayers = 1 << 20;
    options.layer = parse_whole_option("--layer", a.layer, 0, kMostLayers);
    if (a.norms) {
      throw Error(ErrorKind::usage,
                  "--layer: error: has no effect with --norms, which reads all layers; expected one of them "
                  "[no-effect]");
    }
  }
  const int threads = a.threads.empty() ? read_machine().usable_cores
                                        : static_cast<int>(parse_whole_option("-j", a.threads, 1, 1024));
  const MoeCheckpoint checkpoint(a.checkpoint, a.layout);
  const Context context({.threads = threads});
  const Inspection found = inspect(checkpoint, options, context);
  const InspectReport report{checkpoint, a.checkpoint, found, a.norms};
  write_stdout(json ? inspect_json(report) : inspect_screen(report));
  return found.problems() ? static_cast<int>(ErrorKind::check_failed) : 0;
}

}  // namespace moesim
