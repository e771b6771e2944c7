// A run's folder: its config as given and as resolved, its environment, its results.

#include <fmt/format.h>

#include <filesystem>

#include "cli/session.h"
#include "config/load.h"
#include "config/overrides.h"
#include "core/build_info.h"
#include "core/error.h"
#include "core/text.h"
#include "io/assets.h"
#include "io/files.h"
#include "io/row_format.h"
#include "metrics/flatten.h"
#include "store/run_folder.h"

namespace moesim {
namespace {

std::string environment_json() {
  const BuildInfo build = build_info();
  const MachineInfo machine = read_machine();
  return render_row({{"version", build.version},
                     {"revision", build.revision},
                     {"compiler", build.compiler},
                     {"build_type", build.build_type},
                     {"arch", build.arch},
                     {"eigen", build.eigen},
                     {"tbb", build.tbb},
                     {"processor", machine.processor},
                     {"usable_cores", std::int64_t{machine.usable_cores}},
                     {"last_level_cache_bytes", static_cast<std::int64_t>(machine.last_level_cache_bytes)},
                     {"memory_bytes", static_cast<std::int64_t>(machine.memory_bytes)}},
                    Format::json);
}

// Sections with their keys, and where each value came from.
std::string resolved_yaml(const std::vector<ResolvedValue>& resolved) {
  std::string text = "# Every value of this run and where it came from; written by moesim.\n";
  std::string section;
  for (const ResolvedValue& value : resolved) {
    const std::size_t dot = value.path.find('.');
    const std::string room = dot == std::string::npos ? "" : value.path.substr(0, dot);
    if (!room.empty() && room != section) {
      text += room + ":\n";
    }
    section = room;
    text += fmt::format("{}{}: {}  # {}\n", room.empty() ? "" : "  ",
                        room.empty() ? value.path : value.path.substr(dot + 1), value.value,
                        display_safe(value.origin));
  }
  return text;
}

std::string command_of(const std::string& config, const RunRecord& record) {
  return "moesim run " + shell_quoted(config) + (record.as_sweep_point ? " --as-sweep-point" : "") +
         override_options(record.resolved);
}

// Two runs of one second are two runs.
std::string new_folder(const std::string& wanted) {
  std::filesystem::create_directories(std::filesystem::path(wanted).parent_path());
  std::string folder = wanted;
  for (int i = 2; !std::filesystem::create_directory(folder); ++i) {
    folder = fmt::format("{}-{}", wanted, i);
  }
  return folder;
}

}  // namespace

void describe_folder(const std::string& folder, const std::string& config, ResultStore& store) {
  Diagnostics ignored;
  const LoadedConfig loaded = load_config(config, {}, ignored);
  store.describe("config", loaded.text);
  store.describe("config_source", config);
  store.describe("environment", environment_json());
  write_file_atomically(folder + "/config.yaml", loaded.text);
  write_file_atomically(folder + "/environment.json", environment_json());
}

std::string store_run(const std::string& config, const std::string& id, const RunRecord& record) {
  const std::string folder =
      new_folder(runs_directory() + "/" + run_folder_name(record.name, utc_stamp(), id));
  ResultStore store(folder, Database::Access::write);
  const FolderLock lock(folder);
  describe_folder(folder, config, store);
  write_file_atomically(folder + "/resolved.yaml", resolved_yaml(record.resolved));
  StoredPoint point;
  point.id = id;
  point.record = flatten(record);
  point.again = command_of(config, record);
  point.finished = utc_now();
  store.put(point, &record);
  return folder;
}

void check_results_folder(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code unknown;
  if (fs::exists(results_path(folder), unknown)) {
    return;
  }
  // The newest of those that run and sweep have made.
  std::string newest;
  fs::file_time_type time;
  for (fs::directory_iterator entry(runs_directory(), unknown); !unknown && entry != fs::directory_iterator();
       entry.increment(unknown)) {
    std::error_code ignored;
    const fs::file_time_type written = fs::last_write_time(results_path(entry->path().string()), ignored);
    if (!ignored && (newest.empty() || written > time)) {
      newest = entry->path().string();
      time = written;
    }
  }
  const std::string runs = display_safe(runs_directory());
  throw Error(ErrorKind::missing_input,
              fmt::format("{}: error: there is no such file; expected the results of a run or a sweep "
                          "[file-missing]",
                          display_safe(results_path(folder))),
              newest.empty() ? fmt::format("moesim run quickstart makes a folder of results in {}/", runs)
                             : fmt::format("a folder in {}/; the newest is {}", runs, display_safe(newest)));
}

bool is_built_in_config(const std::string& name) {
  const bool is_yaml = name.size() > 5 && name.substr(name.size() - 5) == ".yaml";
  return name.find('/') == std::string::npos && find_asset(is_yaml ? name : name + ".yaml") != nullptr;
}

std::string display_path(const std::string& path) {
  return display_safe(path);
}

}  // namespace moesim
