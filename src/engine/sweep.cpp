#include "engine/sweep.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/text.h"
#include "metrics/flatten.h"
#include "store/run_folder.h"

namespace moesim {
namespace {

std::string command_that_repeats(const SweepPlan& plan, const SweepPoint& point) {
  std::string command = "moesim run " + shell_quoted(plan.config) + " --as-sweep-point";
  for (const std::string& override : point.overrides) {
    if (override.rfind("sweep.", 0) != 0 && override.rfind("sweep=", 0) != 0) {
      command += " --set " + shell_quoted(override);
    }
  }
  return command;
}

// The disk and our own mistakes end a sweep; everything else is the point's own.
bool ends_the_sweep(ErrorKind kind) {
  return kind == ErrorKind::write_failed || kind == ErrorKind::cannot_create || kind == ErrorKind::internal ||
         kind == ErrorKind::interrupted || kind == ErrorKind::busy;
}

// What runs must be what was planned: files may have been edited since.
void check_unchanged(const Experiment& experiment, const SweepPoint& point, const MachineInfo& machine) {
  if (experiment_id(experiment, resolve_threads(experiment, {}, machine), machine) != point.id) {
    throw Error(
        ErrorKind::busy,
        fmt::format("{}: error: the config or its data changed while the sweep ran; expected the same until "
                    "its end [changed-meanwhile]",
                    experiment.source.name),
        "give the same command again: what is finished and did not change is kept");
  }
}

}  // namespace

SweepOutcome run_sweep(const SweepPlan& plan, ResultStore& store, const SweepOptions& options) {
  const MachineInfo machine = read_machine();
  std::map<std::string, std::int64_t> places;
  for (const SweepPoint& point : plan.points) {
    places[point.id] = point.place;
  }
  store.set_current(places);
  if (options.fresh) {
    store.set_outdated();
  }
  const std::map<std::string, PointStatus> before = store.statuses();
  SweepOutcome outcome;
  for (const SweepPoint& point : plan.points) {
    const auto known = before.find(point.id);
    if (known != before.end() && known->second == PointStatus::done) {
      ++outcome.done;
      ++outcome.skipped;
      continue;
    }
    if (options.stop_requested && options.stop_requested()) {
      outcome.interrupted = true;
      return outcome;
    }
    if (options.on_start) {
      options.on_start(point);
    }
    StoredPoint result;
    result.id = point.id;
    result.place = point.place;
    result.parameters = point.parameters;
    result.again = command_that_repeats(plan, point);
    RunRecord record;
    try {
      const Experiment experiment = load_experiment(plan.config, point.overrides, {.in_a_sweep = true});
      check_unchanged(experiment, point, machine);
      RunOptions run_options{
          .detail = true, .detail_of_layers = false, .stop_requested = options.stop_requested};
      if (options.on_progress) {
        run_options.on_progress = [&](const std::string&, double) { options.on_progress(point); };
      }
      record = run_experiment(experiment, run_options);
      if (record.timing.interrupted) {
        outcome.interrupted = true;
        return outcome;
      }
      result.record = flatten(record);
      ++outcome.done;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) {
        outcome.interrupted = true;
        return outcome;
      }
      if (ends_the_sweep(error.kind())) {
        throw;
      }
      result.status = PointStatus::failed;
      result.error = error.what();
      ++outcome.failed;
    } catch (const std::bad_alloc&) {
      result.status = PointStatus::failed;
      result.error = "the machine has no memory left [out-of-memory]";
      ++outcome.failed;
    }
    result.finished = utc_now();
    store.put(result, result.status == PointStatus::done ? &record : nullptr);
    if (options.on_end) {
      options.on_end(point, result);
    }
  }
  return outcome;
}

std::string why_run(const SweepPoint& point, const std::vector<PointSummary>& known) {
  std::string why = "never finished";
  for (const PointSummary& stored : known) {
    if (stored.id == point.id) {
      return stored.status == PointStatus::done       ? ""
             : stored.status == PointStatus::outdated ? "--fresh asked for it"
                                                      : "failed before: " + stored.error;
    }
    if (stored.place == point.place) {
      why = "its settings, inputs, program or machine changed since it finished";
    }
  }
  return why;
}

}  // namespace moesim
