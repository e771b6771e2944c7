#include "page/fit.h"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

// As it stands in the page: JSON within JSON, whose quotes are escaped.
std::size_t size_of(const ChartView& view) {
  return view.option.size() +
         static_cast<std::size_t>(std::count(view.option.begin(), view.option.end(), '"'));
}

struct Weighed {
  Chart* chart;
  std::size_t views = 0;  // that chart had
  std::size_t bytes = 0;
};

}  // namespace

void fit_page(Page& page, std::size_t most_bytes) {
  std::vector<Weighed> charts;
  std::size_t bytes = 0;
  for (Section& section : page.sections) {
    for (Block& block : section.blocks) {
      if (Chart* chart = std::get_if<Chart>(&block)) {
        charts.push_back({chart, chart->views.size(), 0});
        for (const ChartView& view : chart->views) {
          charts.back().bytes += size_of(view);
        }
        bytes += charts.back().bytes;
      }
    }
  }
  while (bytes > most_bytes) {
    Weighed* most = nullptr;
    for (Weighed& weighed : charts) {
      if (weighed.chart->views.size() > 1 && (most == nullptr || weighed.bytes > most->bytes)) {
        most = &weighed;
      }
    }
    if (most == nullptr) {
      break;
    }
    const std::size_t last = size_of(most->chart->views.back());
    most->chart->views.pop_back();
    most->bytes -= last;
    bytes -= last;
  }
  for (const Weighed& weighed : charts) {
    if (weighed.chart->views.size() < weighed.views) {
      weighed.chart->takeaway +=
          fmt::format(" The first {} of {} views are here, so that the page stays small.",
                      weighed.chart->views.size(), weighed.views);
    }
  }
}

}  // namespace moesim
