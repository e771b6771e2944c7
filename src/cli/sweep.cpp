// moesim sweep: many experiments from one config; stop and repeat at any time.

#include <fmt/format.h>

#include <set>

#include "cli/outputs.h"
#include "cli/session.h"
#include "config/yaml.h"
#include "core/error.h"
#include "core/stopwatch.h"
#include "core/text.h"
#include "engine/sweep.h"
#include "report/numbers.h"
#include "report/sweep_screen.h"
#include "store/export.h"
#include "store/run_folder.h"

namespace moesim {
namespace {

SweepRequest request_of(const SweepArguments& arguments) {
  SweepRequest request{arguments.run.config, arguments.axes, session_overrides(arguments.run)};
  if (!arguments.where.empty()) {
    Node text;
    text.kind = Node::Kind::scalar;
    text.quoted = true;
    text.text = arguments.where;
    request.overrides.push_back("sweep.where=" + print_yaml_value(text));
  }
  return request;
}

using Statuses = std::map<std::string, PointStatus>;

bool is_finished(const SweepPoint& point, const Statuses& statuses) {
  const auto known = statuses.find(point.id);
  return known != statuses.end() && known->second == PointStatus::done;
}

std::set<std::string> finished_points(const SweepPlan& plan, const ResultStore& store) {
  const Statuses statuses = store.statuses();
  std::set<std::string> finished;
  for (const SweepPoint& point : plan.points) {
    if (is_finished(point, statuses)) {
      finished.insert(point.id);
    }
  }
  return finished;
}

// The clock beside a running sweep.
class Pacer {
 public:
  Pacer(const SweepPlan& plan, const ResultStore& store, bool fresh) {
    const Statuses statuses = store.statuses();
    pace_.points = plan.points.size();
    for (const SweepPoint& point : plan.points) {
      if (fresh || !is_finished(point, statuses)) {
        pace_.planned_left_s += point.forecast.seconds();
      }
    }
  }
  void start(const SweepPoint& point) {
    pace_.place = static_cast<std::size_t>(point.place);
    watch_ = Stopwatch();
  }
  void end(const SweepPoint& point) {
    ++pace_.ran;
    pace_.ran_s += watch_.seconds();
    pace_.planned_ran_s += point.forecast.seconds();
    pace_.planned_left_s -= point.forecast.seconds();
    pace_.running_s = 0;
  }
  SweepPace read() {
    pace_.running_s = watch_.seconds();
    return pace_;
  }

 private:
  SweepPace pace_;
  Stopwatch watch_;  // of the point that runs
};

// The points of this plan among those of the folder, in the plan's order.
std::vector<StoredPoint> points_of(const SweepPlan& plan, const ResultStore& store) {
  std::map<std::string, StoredPoint> known;
  store.for_each_point([&](const StoredPoint& point) { known[point.id] = point; });
  std::vector<StoredPoint> points;
  for (const SweepPoint& point : plan.points) {
    if (const auto found = known.find(point.id); found != known.end()) {
      points.push_back(found->second);
    }
  }
  return points;
}

std::string explain(const SweepPlan& plan, const ResultStore* store, bool fresh) {
  const std::vector<PointSummary> known = store == nullptr ? std::vector<PointSummary>() : store->summaries();
  std::string text;
  for (const SweepPoint& point : plan.points) {
    const std::string why = fresh ? "--fresh" : why_run(point, known);
    text +=
        fmt::format("  {}/{}  {}  {}\n", point.place + 1, plan.points.size(), point_title(point.parameters),
                    why.empty() ? "finished, would not run again" : "would run: " + display_safe(why));
  }
  return text;
}

std::unique_ptr<ResultStore> existing_store(const std::string& folder) {
  try {
    return std::make_unique<ResultStore>(folder, Database::Access::read);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::missing_input) {
      throw;
    }
    return nullptr;
  }
}

int look_only(const SweepArguments& arguments, const SweepPlan& plan, const std::string& folder) {
  const std::unique_ptr<ResultStore> store = existing_store(folder);
  std::string text = render_sweep_plan(
      plan, store == nullptr || arguments.fresh ? std::set<std::string>() : finished_points(plan, *store));
  if (arguments.explain || store == nullptr) {
    text += explain(plan, store.get(), arguments.fresh);
  }
  write_stdout(text + fmt::format("folder   {}; nothing was run\n", display_path(folder)));
  return 0;
}

}  // namespace

int sweep_command(const SweepArguments& arguments, const std::string& colour) {
  ResultOutputs outputs(arguments.run.output, arguments.run.out_files);
  const bool looks_only = arguments.run.dry_run || arguments.explain;
  if (looks_only && (outputs.format() != Format::table || !arguments.run.out_files.empty())) {
    throw Error(
        ErrorKind::usage,
        "moesim sweep: error: -o and --out have no effect with --dry-run and --explain; expected only one of "
        "them [no-effect]",
        "leave -o and --out out");
  }
  if (looks_only && (arguments.run.report || !arguments.report_every.empty())) {
    const char* option = arguments.run.report ? "--report" : "--report-every";
    throw Error(
        ErrorKind::usage,
        fmt::format("moesim sweep: error: {} has no effect with --dry-run and --explain; expected only "
                    "one of them [no-effect]",
                    option),
        fmt::format("leave {} out", option));
  }
  const double report_every = arguments.report_every.empty()
                                  ? 0
                                  : parse_seconds_option("--report-every", arguments.report_every, 1, 86400);
  const SweepPlan plan = plan_sweep(request_of(arguments));
  const std::string folder = runs_directory() + "/" + sweep_folder_name(plan.name, plan.id);
  if (looks_only) {
    return look_only(arguments, plan, folder);
  }
  ResultStore store(folder, Database::Access::write);
  const FolderLock lock(folder);
  outputs.open();
  describe_folder(folder, arguments.run.config, store);
  write_stderr(
      render_sweep_plan(plan, arguments.fresh ? std::set<std::string>() : finished_points(plan, store)));
  Progress progress;
  Pacer pacer(plan, store, arguments.fresh);
  const auto show = [&](const SweepPoint& point) {
    const SweepPace pace = pacer.read();
    progress.show(render_pace(pace), share_done(pace), point_title(point.parameters));
  };
  SweepOptions options;
  options.fresh = arguments.fresh;
  options.stop_requested = interrupt_requested;
  options.on_start = [&](const SweepPoint& point) {
    pacer.start(point);
    show(point);
  };
  options.on_progress = show;
  Stopwatch since_report;
  options.on_end = [&](const SweepPoint& point, const StoredPoint& result) {
    pacer.end(point);
    progress.clear();
    write_stderr(render_point(point, plan.points.size(), result));
    if (report_every > 0 && since_report.seconds() >= report_every) {
      report_folder(folder);
      since_report = Stopwatch();
    }
  };
  catch_interrupts();
  const SweepOutcome outcome = run_sweep(plan, store, options);
  progress.clear();
  if (outcome.interrupted) {
    write_stderr(fmt::format("stopped; {} saved in {}. {} goes on from here.\n",
                             counted(finished_points(plan, store).size(), "point"), display_path(folder),
                             arguments.fresh ? "The command without --fresh" : "The same command"));
    return static_cast<int>(ErrorKind::busy);
  }
  const std::vector<StoredPoint> points = points_of(plan, store);
  const SweepAnalysis analysis = analyse_sweep(points, plan.axes);
  std::vector<FlatRow> rows;
  for (const StoredPoint& point : points) {
    rows.push_back(export_row(point));
  }
  outputs.write(
      [&](Format format, const ScreenStyle& style) {
        return format == Format::table ? render_sweep(analysis, plan.axes, style) : render_rows(rows, format);
      },
      stdout_style(colour));
  write_stderr(fmt::format("saved    {}\n", display_path(folder)));
  if (arguments.run.report || report_every > 0) {
    report_folder(folder);
  }
  constexpr int kSomeFailed = 3;
  return outcome.failed > 0 ? kSomeFailed : 0;
}

}  // namespace moesim
