// moesim export: flat files from a stored run or sweep.

#include <fmt/format.h>

#include "cli/session.h"
#include "core/error.h"
#include "io/files.h"
#include "store/export.h"

namespace moesim {

int export_command(const ExportArguments& arguments) {
  const int formats = (arguments.jsonl ? 1 : 0) + (arguments.csv ? 1 : 0) + (arguments.markdown ? 1 : 0) +
                      (arguments.trace ? 1 : 0);
  if (formats > 1) {
    throw Error(ErrorKind::usage,
                "moesim export: error: more than one format; expected one of --jsonl, --csv, --md, --trace "
                "[bad-option]",
                "give the command once for each");
  }
  check_results_folder(arguments.run);
  const ResultStore store(arguments.run, Database::Access::read);
  const bool table = arguments.csv || arguments.markdown;
  const std::vector<std::string> files = arguments.trace ? export_trace(store, arguments.run)
                                         : table ? export_table(store, arguments.run, arguments.markdown)
                                                 : export_jsonl(store, arguments.run);
  for (const std::string& file : files) {
    write_stdout(fmt::format("{}\n", display_path(file)));
  }
  return 0;
}

}  // namespace moesim
