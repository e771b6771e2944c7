// moesim compare: did it change, by how much, how sure?

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "cli/outputs.h"
#include "cli/page_output.h"
#include "cli/session.h"
#include "config/scalars.h"
#include "config/suggest.h"
#include "core/error.h"
#include "core/text.h"
#include "engine/compare.h"
#include "metrics/flatten.h"
#include "page/pages.h"
#include "report/compare_screen.h"
#include "report/sweep_analysis.h"

namespace moesim {
namespace {

// "tokens_per_s:-5%": fails when the metric changes by more than that in that direction.
struct FailCondition {
  std::string text;
  std::string metric;
  double limit = 0;
  bool relative = false;
};

FailCondition parse_condition(const std::string& text) {
  FailCondition condition;
  condition.text = text;
  const std::size_t colon = text.rfind(':');
  std::string number = colon == std::string::npos ? "" : text.substr(colon + 1);
  condition.metric = text.substr(0, colon);
  condition.relative = !number.empty() && number.back() == '%';
  if (condition.relative) {
    number.pop_back();
  }
  const bool has_sign = number.size() > 1 && (number.front() == '-' || number.front() == '+') &&
                        number[1] != '-' && number[1] != '+';
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = has_sign && number.front() == '+' ? number.substr(1) : number;
  ScalarProblem problem;
  if (condition.metric.empty() || !has_sign || !read_real(node, condition.limit, problem) ||
      condition.limit == 0) {
    throw Error(
        ErrorKind::usage,
        fmt::format(
            "--fail-on {}: error: this is no condition; expected METRIC:-5% or METRIC:+0.05 [bad-option]",
            display_safe(text)),
        "--fail-on tokens_per_s:-5%");
  }
  if (condition.metric.rfind("m.", 0) == 0) {
    condition.metric.erase(0, 2);
  }
  if (condition.metric == "tokens_per_s" && !condition.relative) {
    throw Error(
        ErrorKind::usage,
        fmt::format(
            "--fail-on {}: error: tokens/s are compared as a ratio; expected a percentage [bad-option]",
            display_safe(text)),
        "--fail-on tokens_per_s:-5%");
  }
  condition.limit /= condition.relative ? 100.0 : 1.0;
  return condition;
}

[[noreturn]] void unknown_metric(const FailCondition& condition) {
  throw Error(
      ErrorKind::usage,
      fmt::format("--fail-on {}: error: the runs have no number m.{}; expected a metric of both [bad-option]",
                  display_safe(condition.text), display_safe(condition.metric)),
      "docs/formats.md lists the metrics");
}

// What a comparison measured now knows of each side, as names without "m.".
std::vector<std::string> live_metrics() {
  RunRecord specimen;
  specimen.noise_floor.emplace();
  specimen.steering.emplace();
  std::vector<std::string> names = {"tokens_per_s", "step_seconds"};
  for (const FlatEntry& entry : flatten(specimen)) {
    if (entry.name.rfind("m.", 0) == 0 && entry.name.find("_hash") == std::string::npos) {
      names.push_back(entry.name.substr(2));
    }
  }
  return names;
}

// Before anything is measured.
void check_metrics(const std::vector<FailCondition>& conditions) {
  const std::vector<std::string> known = live_metrics();
  for (const FailCondition& condition : conditions) {
    const bool of_a_layer = condition.metric.rfind("layer.", 0) == 0;
    const bool of_times = condition.metric.rfind("tokens_per_s.", 0) == 0;
    if (of_a_layer || of_times || std::find(known.begin(), known.end(), condition.metric) != known.end()) {
      continue;
    }
    const std::string near = suggest(condition.metric, known);
    throw Error(ErrorKind::usage,
                fmt::format("--fail-on {}: error: a comparison measures no m.{}; expected a metric such as "
                            "tokens_per_s, load_cv, max_violation, dropped_fraction, active_params "
                            "[bad-option]",
                            display_safe(condition.text), display_safe(condition.metric)),
                near.empty() ? "docs/formats.md lists the metrics" : fmt::format("did you mean '{}'?", near));
  }
}

// What a condition looks at, in the units of its limit.
struct Change {
  double a = 0;
  double b = 0;
  double change = 0;
};

// Times are judged by the comparison's own ratio, and only where it is clear: nothing where it is not.
std::optional<Change> change_of(const FailCondition& condition, const Comparison& a, const Comparison& b) {
  Change values{number_in(a.record, "m." + condition.metric), number_in(b.record, "m." + condition.metric),
                0};
  if (condition.metric == "tokens_per_s") {
    if (!b.timed) {
      throw Error(
          ErrorKind::usage,
          fmt::format("--fail-on {}: error: the runs were not timed on both sides; expected tokens/s of both "
                      "[bad-option]",
                      display_safe(condition.text)));
    }
    values.change = b.speed.ratio.median - 1.0;
    return b.speed.speed == Speed::no_clear_difference ? std::nullopt : std::optional(values);
  }
  if (std::isnan(values.a) || std::isnan(values.b)) {
    unknown_metric(condition);
  }
  values.change = !condition.relative    ? values.b - values.a
                  : values.a == values.b ? 0.0
                                         : values.b / values.a - 1.0;
  return values;
}

bool is_broken(const FailCondition& condition, const Change& change) {
  return condition.limit < 0 ? change.change < condition.limit : change.change > condition.limit;
}

// "fails    load_cv:+0.1: B b.yaml", and below it "A 0.2, B 0.5: a change of +0.3, the limit is +0.1"; `side`
// is B or a later letter.
std::string failure_text(const FailCondition& condition, const Change& change, char side,
                         const std::string& title) {
  const auto amount = [&](double value) {
    return condition.relative ? fmt::format("{:+.3g} %", 100 * value) : fmt::format("{:+.4g}", value);
  };
  const bool as_ratio = condition.metric == "tokens_per_s";
  return fmt::format("fails    {}: {} {}\n         A {:.6g}, {} {:.6g}: a change of {}{}, the limit is {}\n",
                     display_safe(condition.text), side, display_safe(title), change.a, side, change.b,
                     amount(change.change), as_ratio ? " by the ratio above" : "", amount(condition.limit));
}

bool is_stored(const std::string& path) {
  std::error_code unknown;
  // A folder may have the name of a built-in config.
  return std::filesystem::exists(path + "/results.sqlite", unknown) ||
         (std::filesystem::is_directory(path, unknown) && path.find('/') != std::string::npos);
}

std::vector<CompareResult> measure_now(const CompareArguments& arguments, Progress& progress) {
  std::vector<CompareInput> inputs;
  const std::vector<std::string> common = session_overrides(arguments.run);
  const auto add = [&](const std::string& config, const std::vector<std::string>& more) {
    std::vector<std::string> overrides = common;
    overrides.insert(overrides.end(), more.begin(), more.end());
    std::string title = config;
    for (const std::string& override : more) {
      title += " --set " + override;
    }
    inputs.push_back({title, load_experiment(config, overrides)});
  };
  for (const std::string& config : arguments.runs) {
    add(config, {});
  }
  if (inputs.size() == 1) {
    add(arguments.runs.front(), arguments.set_b);
  }
  CompareOptions options;
  for (const ResolvedValue& value : inputs.front().experiment.resolved) {
    if (value.path == "measure.budget_s" && value.origin != "default") {
      options.budget_s = inputs.front().experiment.measure.budget_s;
    }
  }
  if (!arguments.run.budget.empty()) {
    options.budget_s = parse_seconds_option("--budget", arguments.run.budget, 0, 86400);
  }
  options.stop_requested = interrupt_requested;
  options.on_progress = [&progress](const std::string& phase, double fraction) {
    progress.show(phase, fraction);
  };
  catch_interrupts();
  return {compare_live(inputs, options)};
}

[[noreturn]] void wrong_inputs(const std::string& what, const std::string& help) {
  throw Error(
      ErrorKind::usage,
      fmt::format("moesim compare: error: {}; expected two configs, two folders of runs, or one config with "
                  "--set-b [bad-option]",
                  what),
      help);
}

// What is_stored takes for a folder of results, or could not be anything else, must be one.
void check_folder(const std::string& run) {
  std::error_code unknown;
  const bool is_config = is_built_in_config(run) || std::filesystem::is_regular_file(run, unknown);
  if (!is_config && std::filesystem::is_directory(run, unknown)) {
    check_results_folder(run);
  }
}

void check_inputs(const CompareArguments& arguments) {
  std::for_each(arguments.runs.begin(), arguments.runs.end(), check_folder);
  std::size_t stored = 0;
  for (const std::string& run : arguments.runs) {
    stored += is_stored(run) ? 1 : 0;
  }
  const std::size_t count = arguments.runs.size();
  for (const std::string& run : arguments.runs) {
    std::error_code unknown;
    if (stored != 0 && stored != count && !std::filesystem::exists(run, unknown) &&
        !is_built_in_config(run)) {
      throw Error(ErrorKind::missing_input,
                  fmt::format("{}: error: there is no such folder; expected a second folder of results "
                              "[file-missing]",
                              display_safe(run)));
    }
  }
  if (stored != 0 && stored != count) {
    wrong_inputs("a folder of results beside a config", "moesim compare A.yaml B.yaml measures both now");
  }
  if (stored != 0 && count != 2) {
    wrong_inputs(fmt::format("{} folders", count), "compare two at a time");
  }
  if (stored == 0 && count == 1 && arguments.set_b.empty()) {
    wrong_inputs("one config and nothing to compare it with", "--set-b router.top_k=1 sets that for B alone");
  }
  if (count > 1 && !arguments.set_b.empty()) {
    wrong_inputs("--set-b beside a second run", "leave one of them out");
  }
  if (stored != 0 && !session_overrides(arguments.run).empty()) {
    wrong_inputs("settings for runs that are stored already",
                 "moesim compare with their configs measures them anew");
  }
}

}  // namespace

std::string comparing_command(const CompareArguments& arguments) {
  std::string text = "moesim compare";
  for (const std::string& run : arguments.runs) {
    text += " " + shell_quoted(run);
  }
  for (const std::string& value : session_overrides(arguments.run)) {
    text += " --set " + shell_quoted(value);
  }
  for (const std::string& value : arguments.set_b) {
    text += " --set-b " + shell_quoted(value);
  }
  return text;
}

int compare_command(const CompareArguments& arguments, const std::string& colour) {
  PageOutput page(arguments.page);
  ResultOutputs outputs(arguments.run.output, arguments.run.out_files, page.names());
  std::vector<FailCondition> conditions;
  for (const std::string& text : arguments.fail_on) {
    conditions.push_back(parse_condition(text));
  }
  check_inputs(arguments);
  if (!is_stored(arguments.runs.front())) {
    check_metrics(conditions);
  }
  outputs.open();
  page.open();
  Progress progress;
  const std::vector<CompareResult> results = is_stored(arguments.runs.front())
                                                 ? compare_stored_runs(arguments.runs[0], arguments.runs[1])
                                                 : measure_now(arguments, progress);
  progress.clear();
  outputs.write(
      [&](Format format, const ScreenStyle& style) {
        return format == Format::table ? render_comparison(results, style)
                                       : render_rows(comparison_rows(results), format);
      },
      stdout_style(colour));
  page.write([&] { return compare_page(results, comparing_command(arguments)); });
  if (results.front().interrupted) {
    write_stderr(
        fmt::format("stopped by Ctrl-C after {} rounds: no condition was judged\n", results.front().rounds));
    return static_cast<int>(ErrorKind::interrupted);
  }
  bool failed = false;
  for (const CompareResult& result : results) {
    for (std::size_t i = 1; i < result.entries.size(); ++i) {
      for (const FailCondition& condition : conditions) {
        const std::optional<Change> change = change_of(condition, result.entries.front(), result.entries[i]);
        if (change && is_broken(condition, *change)) {
          const std::string title =
              result.entries[i].title + (result.parameters.empty() ? "" : " at " + result.parameters);
          write_stderr(failure_text(condition, *change, static_cast<char>('A' + i % 26), title));
          failed = true;
        }
      }
    }
  }
  return failed ? static_cast<int>(ErrorKind::check_failed) : 0;
}

}  // namespace moesim
