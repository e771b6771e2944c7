#include "engine/width_search.h"

#include <algorithm>
#include <cmath>

#include "experts/dense.h"

namespace moesim {
namespace {

// How far a trial's ratio may carry: its time is the width to some power between these.
constexpr double kLeastPower = 0.2;
constexpr double kMostPower = 2.0;
constexpr double kFarthest = 16.0;

double distance(const WidthTrial& trial) {
  return std::abs(std::log(trial.ratio));
}

// The width between the closest trial and its partner, or beyond them, where a line through both gives 1.
double on_a_line(const WidthTrial& best, const WidthTrial& other) {
  const double slope = (best.ratio - other.ratio) / static_cast<double>(best.width - other.width);
  const auto width = static_cast<double>(best.width);
  return slope > 0 ? width + (1.0 - best.ratio) / slope : width / best.ratio;
}

// Of the others, the closest on the other side of 1, else the closest.
const WidthTrial* partner_of(const WidthTrial& best, const std::vector<WidthTrial>& trials) {
  const WidthTrial* partner = nullptr;
  bool across = false;
  for (const WidthTrial& trial : trials) {
    if (trial.width == best.width) {
      continue;
    }
    const bool opposite = (trial.ratio > 1.0) != (best.ratio > 1.0);
    if (partner == nullptr || (opposite && !across) ||
        (opposite == across && distance(trial) < distance(*partner))) {
      partner = &trial;
      across = opposite;
    }
  }
  return partner;
}

Index next_width(const WidthSearch& search, const std::vector<WidthTrial>& trials) {
  const WidthTrial& best = closest_trial(trials);
  const WidthTrial* partner = partner_of(best, trials);
  const auto width = static_cast<double>(best.width);
  const double least = std::min(kFarthest, std::exp(distance(best) / kMostPower));
  const double most = std::min(kFarthest, std::exp(distance(best) / kLeastPower));
  const bool wider = best.ratio < 1.0;
  const double low = wider ? width * least : width / most;
  const double high = wider ? width * most : width / least;
  const double target = partner == nullptr ? width / best.ratio : on_a_line(best, *partner);
  Index next = nearest_width(search.range, std::clamp(target, low, high));
  if (next == best.width) {
    next = nearest_width(search.range,
                         width + static_cast<double>(wider ? search.range.step : -search.range.step));
  }
  if (partner == nullptr || (partner->ratio > 1.0) != wider || (partner->width > best.width) != wider) {
    return next;
  }
  // Between the two: the one is too narrow, the other too wide.
  const Index step = search.range.step;
  const Index first = std::min(best.width, partner->width) + step;
  const Index last = std::max(best.width, partner->width) - step;
  return first <= last ? std::clamp(next, first, last) : best.width;
}

WidthTrial* find_trial(std::vector<WidthTrial>& trials, Index width) {
  const auto known = std::find_if(trials.begin(), trials.end(),
                                  [width](const WidthTrial& trial) { return trial.width == width; });
  return known == trials.end() ? nullptr : &*known;
}

void add_trial(std::vector<WidthTrial>& trials, Index width, double ratio) {
  WidthTrial* known = find_trial(trials, width);
  if (known == nullptr) {
    trials.push_back({width, ratio, 1});
    return;
  }
  const double before = std::log(known->ratio) * known->times;
  ++known->times;
  known->ratio = std::exp((before + std::log(ratio)) / known->times);
}

}  // namespace

Index nearest_width(const WidthRange& range, double width) {
  const double steps = std::round(width / static_cast<double>(range.step));
  const Index most = std::max<Index>(1, range.widest / range.step);
  return range.step *
         (steps < static_cast<double>(most) ? std::max<Index>(1, static_cast<Index>(steps)) : most);
}

const WidthTrial& closest_trial(const std::vector<WidthTrial>& trials) {
  return *std::min_element(trials.begin(), trials.end(), [](const WidthTrial& a, const WidthTrial& b) {
    return distance(a) < distance(b);
  });
}

std::vector<WidthTrial> search_width(const WidthSearch& search, const TimeRatio& time_ratio) {
  std::vector<WidthTrial> trials;
  Index next = nearest_width(search.range, static_cast<double>(search.first));
  for (int i = 0; i < search.most_trials; ++i) {
    const std::optional<double> ratio = time_ratio(next);
    if (!ratio || !(*ratio > 0) || !std::isfinite(*ratio)) {
      break;
    }
    add_trial(trials, next, *ratio);
    const WidthTrial& best = closest_trial(trials);
    const bool near = std::abs(best.ratio - 1.0) <= search.tolerance;
    next = near ? best.width : next_width(search, trials);
    const WidthTrial* known = find_trial(trials, next);
    if (known != nullptr && known->times >= search.confirmations) {
      break;
    }
  }
  return trials;
}

WidthRange widths_to_try(const WidthPlan& plan) {
  constexpr double kFlopsPerSecond = 2e11;
  constexpr double kBytesPerSecond = 2e10;
  constexpr double kTimesAsWide = 2.0;
  constexpr double kSpareBytes = 4.0 * (1 << 20);
  const auto tokens = static_cast<double>(plan.tokens);
  const auto seconds = [](double flops, double bytes) {
    return std::max(flops / kFlopsPerSecond, bytes / kBytesPerSecond);
  };
  const auto cost = [&plan](Index width) {
    return dense_layer_cost(plan.shape, {.width = width, .tokens = 1, .weight_type = plan.weight_type});
  };
  const LayerCost one = cost(1);  // a hidden unit: what a second one adds
  LayerCost unit = cost(2);
  unit.flops_per_token -= one.flops_per_token;
  unit.bytes_per_token -= one.bytes_per_token;
  const double moe = seconds(tokens * plan.moe.flops_per_token, tokens * plan.moe.bytes_per_token);
  const double dense = seconds(tokens * unit.flops_per_token, unit.bytes_per_token);
  const double spare = kSpareBytes / (unit.bytes_per_token * static_cast<double>(plan.shape.num_layers));
  WidthRange range{.step = panel_units(plan.shape.activation), .widest = 0};
  const double widest = std::ceil((kTimesAsWide * (moe + plan.routing_seconds) / dense + spare) /
                                  static_cast<double>(range.step));
  constexpr double kMostSteps = 1e15;
  range.widest = range.step * static_cast<Index>(std::clamp(widest, 1.0, kMostSteps));
  return range;
}

}  // namespace moesim
