#include "engine/sweep.h"

#include <fmt/format.h>

#include "core/error.h"
#include "metrics/flatten.h"
#include "store/run_folder.h"

namespace moesim {
namespace {

std::string shell_quoted(const std::string& text) {
  const bool plain = text.find_first_not_of(
                         "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "_-./=,:+@%") == std::string::npos;
  if (plain && !text.empty()) {
    return text;
  }
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return quoted + "'";
}

std::string command_that_repeats(const SweepPlan& plan, const SweepPoint& point) {
  std::string command = "moesim run " + shell_quoted(plan.config) + " --set sweep=none";
  for (const std::string& override : point.overrides) {
    command += " --set " + shell_quoted(override);
  }
  return command;
}

// The disk and our own mistakes end a sweep; everything else is the point's own.
bool ends_the_sweep(ErrorKind kind) {
  return kind == ErrorKind::write_failed || kind == ErrorKind::cannot_create || kind == ErrorKind::internal ||
         kind == ErrorKind::interrupted;
}

}  // namespace

SweepOutcome run_sweep(const SweepPlan& plan, ResultStore& store, const SweepOptions& options) {
  const std::map<std::string, PointStatus> before = store.statuses();
  SweepOutcome outcome;
  for (const SweepPoint& point : plan.points) {
    const auto known = before.find(point.id);
    if (!options.fresh && known != before.end() && known->second == PointStatus::done) {
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
      record = run_experiment(experiment, {.detail = true, .stop_requested = options.stop_requested});
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

std::string why_run(const SweepPoint& point, const ResultStore& store) {
  std::string why = "never finished";
  store.for_each_point([&](const StoredPoint& stored) {
    if (stored.id == point.id) {
      why = stored.status == PointStatus::done ? "" : "failed before: " + stored.error;
    } else if (stored.place == point.place && why == "never finished") {
      why = "its settings, inputs, program or machine changed since it finished";
    }
  });
  return why;
}

}  // namespace moesim
