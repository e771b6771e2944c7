#include "report/sweep_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>

#include "core/text.h"
#include "io/row_format.h"
#include "report/numbers.h"

namespace moesim {
namespace {

constexpr std::size_t kMostRows = 200;

std::string text_in(const FlatRow& row, const std::string& name) {
  const FlatValue* value = find_value(row, name);
  return value == nullptr ? "" : plain_text(*value);
}

std::string ratio_cell(const FlatRow& record, const std::string& baseline) {
  // The record holds dense over MoE.
  const double ratio = number_in(record, "m." + baseline + ".ratio_to_moe");
  return ratio > 0 ? fmt::format("{:.2f}x", 1.0 / ratio) : "";
}

constexpr const char* kRunsLike = "runs like";

std::string number_cell(double value, const char* format) {
  return std::isnan(value) ? "" : fmt::format(fmt::runtime(format), value);
}

// No point is the best where all are equal.
bool differs(const SweepAnalysis& analysis, const char* goal) {
  const double first = number_in(analysis.points.front().record, goal);
  return std::any_of(analysis.points.begin(), analysis.points.end(), [&](const StoredPoint& point) {
    const double value = number_in(point.record, goal);
    return value != first && !(std::isnan(value) && std::isnan(first));
  });
}

// What stands behind a point: whether nothing beats it, and the goals at which it is the best.
std::string marks_of(const SweepAnalysis& analysis, std::size_t at) {
  std::string marks = analysis.pareto[at] ? "*" : "";
  const std::size_t goals = std::size(kSweepGoals) - (routing_only(analysis.points) ? 1 : 0);
  for (std::size_t goal = 0; goal < std::min(goals, analysis.best.size()); ++goal) {
    if (analysis.best[goal] == at && differs(analysis, kSweepGoals[goal].name) &&
        !std::isnan(number_in(analysis.points[at].record, kSweepGoals[goal].name))) {
      marks += fmt::format("{}best {}", marks.empty() ? "" : " ", kSweepGoals[goal].title);
    }
  }
  return marks;
}

struct Column {
  std::string title;
  std::function<std::string(const FlatRow& record)> cell;
};

// Of the record; without those that no point has.
std::vector<Column> columns_of(const SweepAnalysis& analysis) {
  const auto ratio = [](const char* baseline) {
    return [baseline](const FlatRow& record) { return ratio_cell(record, baseline); };
  };
  const auto number = [](const char* name) {
    return [name](const FlatRow& record) {
      const double value = number_in(record, name);
      return std::isnan(value) ? "" : short_number(value);
    };
  };
  const auto share = [](const FlatRow& record) {
    const double dropped = number_in(record, "m.dropped_fraction");
    return dropped > 0 ? percent(dropped) : "";
  };
  const auto digits = [](const char* name, const char* format) {
    return [name, format](const FlatRow& record) { return number_cell(number_in(record, name), format); };
  };
  const std::vector<Column> all = {
      {"tokens/s", number("m.tokens_per_s")},
      {"vs same active", ratio("dense_same_active")},
      {"vs same total", ratio("dense_same_total")},
      {"vs same FLOPs", ratio("dense_same_flops")},
      {kRunsLike, number("m.dense_same_time.total_params")},
      {"load CV", digits("m.load_cv", "{:.3f}")},
      {"MaxVio", digits("m.max_violation", "{:.2f}")},
      {"dropped", share},
      {"active", number("m.active_params")},
      {"total", number("m.total_params")},
      {"timing", [](const FlatRow& record) { return display_safe(text_in(record, "timing.verdict")); }}};
  const bool no_experts = routing_only(analysis.points);
  std::vector<Column> columns;
  for (const Column& column : all) {
    const bool parameters = column.title == "active" || column.title == "total";
    const bool filled =
        std::any_of(analysis.points.begin(), analysis.points.end(),
                    [&](const StoredPoint& point) { return !column.cell(point.record).empty(); });
    if (filled && !(parameters && no_experts)) {
      columns.push_back(column);
    }
  }
  return columns;
}

std::string table_of(const std::vector<std::vector<std::string>>& rows) {
  std::vector<int> widths(rows.front().size());
  for (const std::vector<std::string>& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], display_width(row[c]));
    }
  }
  std::string text;
  for (const std::vector<std::string>& row : rows) {
    std::string line = " ";
    for (std::size_t c = 0; c < row.size(); ++c) {
      const bool last = c + 1 == row.size();
      line += " " + (last ? row[c] : pad_left(row[c], widths[c])) + " ";
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string shares_in_words(const SweepAnalysis& analysis) {
  if (analysis.shares.size() < 2 || analysis.points.size() < 3) {
    return "";  // of one axis everything lies between its values
  }
  const AxisShare& first = analysis.shares.front();
  std::string text =
      fmt::format("Of the differences in tokens/s between these points {} lie between the values of {}",
                  percent(first.throughput), first.axis);
  for (std::size_t i = 1; i < analysis.shares.size(); ++i) {
    text += fmt::format(", {} between those of {}", percent(analysis.shares[i].throughput),
                        analysis.shares[i].axis);
  }
  const auto& balance =
      *std::max_element(analysis.shares.begin(), analysis.shares.end(),
                        [](const AxisShare& a, const AxisShare& b) { return a.imbalance < b.imbalance; });
  if (balance.imbalance > 0) {
    text += fmt::format("; of those in load CV {} between the values of {}", percent(balance.imbalance),
                        balance.axis);
  }
  return text + ".\n";
}

}  // namespace

std::string point_title(const FlatRow& parameters) {
  std::string title;
  for (const FlatEntry& entry : parameters) {
    title += fmt::format("{}{}={}", title.empty() ? "" : " ", entry.name,
                         shorten_text(display_safe(plain_text(entry.value)), 40));
  }
  return title;
}

std::string render_sweep(const SweepAnalysis& analysis, const std::vector<std::string>& axes,
                         const ScreenStyle& style) {
  std::string text;
  if (!analysis.points.empty()) {
    const std::vector<Column> columns = columns_of(analysis);
    const auto has = [&](const std::string& title) {
      return std::any_of(columns.begin(), columns.end(),
                         [&](const Column& column) { return column.title.rfind(title, 0) == 0; });
    };
    std::vector<std::vector<std::string>> rows = {axes};
    for (const Column& column : columns) {
      rows.front().push_back(column.title);
    }
    rows.front().emplace_back();
    for (std::size_t i = 0; i < analysis.points.size() && i < kMostRows; ++i) {
      const StoredPoint& point = analysis.points[i];
      std::vector<std::string> cells;
      for (const std::string& axis : axes) {
        cells.push_back(shorten_text(display_safe(text_in(point.parameters, axis)), 32));
      }
      for (const Column& column : columns) {
        cells.push_back(column.cell(point.record));
      }
      cells.push_back(marks_of(analysis, i));
      rows.push_back(std::move(cells));
    }
    text += fmt::format("\n{}\n{}", style.colour ? "\033[1mPOINTS\033[0m" : "POINTS", table_of(rows));
    if (analysis.points.size() > kMostRows) {
      text += fmt::format("  … and {} more: moesim export\n", analysis.points.size() - kMostRows);
    }
    text += fmt::format(
        "  * no other point is at least as good in {}\n",
        routing_only(analysis.points) ? "tokens/s and load CV" : "tokens/s, load CV and active parameters");
    const char* apart = "tokens/s of different points were measured at different times";
    text += has("vs ") ? fmt::format(
                             "  \"vs\": tokens/s of the MoE over the dense layer's, side by side in the "
                             "same run; {}\n",
                             apart)
            : has("tokens/s") ? fmt::format("  {}\n", apart)
                              : "";
    text += has(kRunsLike) ? "  \"runs like\": parameters of the dense layer that took the same time\n" : "";
    const std::string words = shares_in_words(analysis);
    if (!words.empty()) {
      text += "\n" + words;
    }
  }
  for (const StoredPoint& point : analysis.failed) {
    text += fmt::format("\nfailed   {}\n  {}\n  again: {}\n", point_title(point.parameters),
                        display_safe(point.error), display_safe(point.again));
  }
  return text;
}

std::string render_sweep_plan(const SweepPlan& plan, const std::set<std::string>& finished) {
  double seconds = 0;
  std::uint64_t bytes = 0;
  std::size_t too_large = 0;
  std::size_t left = 0;
  for (const SweepPoint& point : plan.points) {
    if (finished.count(point.id) == 0) {
      ++left;
      seconds += point.forecast.seconds();
      bytes = std::max(bytes, point.forecast.bytes);
      too_large += point.too_large.empty() ? 0 : 1;
    }
  }
  const std::size_t done = plan.points.size() - left;
  std::string axes;
  for (const std::string& axis : plan.axes) {
    axes += (axes.empty() ? "" : " × ") + display_safe(axis);
  }
  std::string text = fmt::format("sweep    {}: {} of {}", display_safe(plan.name),
                                 counted(plan.points.size(), "point"), axes);
  text += plan.excluded > 0 ? fmt::format("; {} left out by `where`", plan.excluded) : "";
  text += plan.merged > 0 ? fmt::format("; {} equal to another", plan.merged) : "";
  text += "\n";
  if (done > 0) {
    text += fmt::format("resume   {} already finished{}\n", counted(done, "point"),
                        left == 0 ? ": nothing is left to run" : "");
  }
  if (left > 0) {
    text += fmt::format("needs    {}{} {}, at most {} of memory at once\n", seconds < 1 ? "" : "about ",
                        duration(seconds),
                        done == 0 ? "in all" : fmt::format("for the {} left", counted(left, "point")),
                        short_bytes(static_cast<double>(bytes)));
  }
  text += too_large > 0
              ? fmt::format("         {} will fail: more memory than there is\n", counted(too_large, "point"))
              : "";
  return text;
}

double seconds_left(const SweepPace& pace) {
  const double scale = pace.planned_ran_s > 0 ? pace.ran_s / pace.planned_ran_s : 1;
  return std::max(0.0, pace.planned_left_s * scale - pace.running_s);
}

double share_done(const SweepPace& pace) {
  const double spent = pace.ran_s + pace.running_s;
  const double all = spent + seconds_left(pace);
  return all > 0 ? spent / all : 0;
}

std::string render_pace(const SweepPace& pace) {
  std::string text = fmt::format("point {}/{}", pace.place + 1, pace.points);
  if (pace.ran > 0) {
    text += fmt::format(", {} a point", short_seconds(pace.ran_s / static_cast<double>(pace.ran)));
  }
  const double left = seconds_left(pace);
  return text + (left < 1 ? ", under 1 s left" : fmt::format(", about {} left", duration(left)));
}

std::string render_point(const SweepPoint& point, std::size_t points, const StoredPoint& result) {
  const std::string head =
      fmt::format("  {}/{}  {}  ", point.place + 1, points, point_title(point.parameters));
  if (result.status == PointStatus::failed) {
    return head + "FAILED  " + display_safe(result.error) + "\n";
  }
  const double rate = number_in(result.record, "m.tokens_per_s");
  return head + fmt::format("{} tokens/s  load CV {:.3f}  {}\n", std::isnan(rate) ? "?" : short_number(rate),
                            number_in(result.record, "m.load_cv"),
                            display_safe(text_in(result.record, "timing.verdict")));
}

}  // namespace moesim
