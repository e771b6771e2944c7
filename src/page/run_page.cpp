#include <fmt/format.h>

#include <cmath>

#include "page/pages.h"
#include "page/run_charts.h"
#include "report/numbers.h"

namespace moesim {
namespace {

std::string verdict_of(const StoredPoint& point) {
  const double speed = number(point, "m.tokens_per_s");
  const double active = number(point, "m.active_params");
  const double total = number(point, "m.total_params");
  std::string text;
  if (speed > 0) {
    text += fmt::format("This MoE handled {} tokens/s. ", short_number(speed));
  }
  for (const char* dense : {"dense_same_active", "dense_same_total"}) {
    const std::string prefix = fmt::format("m.{}.ratio_to_moe", dense);
    const double ratio = number(point, prefix);
    if (ratio > 0) {
      text += fmt::format(
          "A dense layer with the same {} parameters reached {:.2f} times that [{:.2f} .. {:.2f}]. ",
          std::string(dense) == "dense_same_active" ? "active" : "total", ratio,
          number(point, prefix + ".lo"), number(point, prefix + ".hi"));
    }
  }
  if (active > 0 && total > 0) {
    text +=
        fmt::format("{} of its {} parameters work for a token. ", short_number(active), short_number(total));
  }
  const double violation = number(point, "m.max_violation");
  const double chance = number(point, "m.noise_floor.max_violation.p95");
  if (std::isfinite(violation)) {
    text += fmt::format("The busiest expert has {:.2f} times its fair share", 1 + violation);
    text += std::isfinite(chance) ? fmt::format(" (chance alone: up to {:.2f}). ", 1 + chance) : ". ";
  }
  const double dropped = number(point, "m.dropped_fraction");
  if (dropped > 0) {
    text += fmt::format("{} of the assignments were dropped for lack of room. ", percent(dropped));
  }
  const std::string reasons = word(point, "timing.reasons");
  if (!reasons.empty()) {
    text += fmt::format("About the times: {}.", reasons);
  }
  return text;
}

}  // namespace

Page run_page(const std::string& title, const StoredPoint& point, const StoredDetail& detail) {
  const StoredLoads loads = read_loads(point, detail);
  Page page{title, verdict_of(point), {}, {}};
  const std::string verdict = word(point, "timing.verdict");
  if (!verdict.empty()) {
    page.badges.push_back("timing " + verdict);
  }
  if (const std::string folder = word(point, "p.layer.checkpoint"); !folder.empty() && folder != "none") {
    page.badges.push_back(fmt::format("layer {} of {}", number(point, "p.layer.index"), folder));
  }
  if (loads.experts > 0) {
    page.badges.push_back(counted(static_cast<std::uint64_t>(loads.experts), "expert"));
  }
  if (loads.layers > 0) {
    page.badges.push_back(counted(static_cast<std::uint64_t>(loads.layers), "layer"));
  }
  if (detail.cut) {
    page.badges.push_back(
        fmt::format("drawn from the first {} rows of each table", with_commas(kMostDetailRows)));
  }
  Section words{"text", "Where the words went", {}};
  TokenText text = token_text(point, detail);
  if (!text.passages.empty()) {
    words.blocks.emplace_back(
        Paragraph{"Each token of the first batch is coloured by its first expert, whose number follows it. "
                  "Point at a token to see all its experts and weights; crossed out: dropped by all of "
                  "them."});
    words.blocks.emplace_back(std::move(text));
  }
  add_section(page, std::move(words));
  Section balance{"balance", "Balance", {}};
  add_chart(balance, load_chart(point, loads));
  add_chart(balance, lorenz_chart(point, loads));
  add_chart(balance, layers_chart(loads));
  add_chart(balance, steps_chart(loads));
  add_section(page, std::move(balance));
  Section router{"router", "The router", {}};
  add_chart(router, weights_chart(detail, "weight"));
  add_chart(router, weights_chart(detail, "entropy"));
  add_chart(router, pairs_chart(point, detail));
  add_section(page, std::move(router));
  Section speed{"speed", "Speed and size", {}};
  add_chart(speed, throughput_chart(point, detail));
  add_chart(speed, parameters_chart(point));
  add_chart(speed, stages_chart(point));
  add_chart(speed, timeline_chart(detail));
  add_section(page, std::move(speed));
  Section repeat{"repeat", "Repeat this", {}};
  repeat.blocks.emplace_back(Command{point.again});
  repeat.blocks.emplace_back(
      NamedTable{"environment", "Environment",
                 rows_named(point.record, {"build.", "machine.", "measure.", "timing."}), true});
  repeat.blocks.emplace_back(
      NamedTable{"settings", "Settings", rows_named(point.record, {"p.", "name", "config"}), false});
  repeat.blocks.emplace_back(NamedTable{"record", "All results", rows_named(point.record, {"m."}), false});
  page.sections.push_back(std::move(repeat));
  return page;
}

}  // namespace moesim
