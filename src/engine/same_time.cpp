#include "engine/same_time.h"

#include <algorithm>

#include "engine/estimate.h"
#include "engine/timed_rounds.h"
#include "engine/width_search.h"
#include "metrics/comparison.h"

namespace moesim {
namespace {

constexpr double kShareOfBudget = 0.4;
constexpr int kMostTrials = 10;
constexpr int kFewestTrials = 2;
constexpr int kFewestRounds = 2;  // one pair that mirrors itself

std::vector<double> seconds_of(const Contestant& contestant) {
  std::vector<double> seconds;
  for (const Sample& sample : contestant.result.samples) {
    seconds.push_back(sample.seconds);
  }
  return seconds;
}

// Seconds of a dense stack over those of the MoE, in rounds that take `seconds` together; nothing when
// stopped.
std::optional<double> time_width(RunState& state, Contestant moe, Contestant dense, int repeats,
                                 double seconds) {
  prepare_round(state, 0, repeats);
  dense.run();
  std::vector<Contestant> both;
  both.push_back(std::move(moe));
  both.push_back(std::move(dense));
  run_contest(both, {.seconds = seconds,
                     .min_rounds = kFewestRounds,
                     .repeats = repeats,
                     .prepare = [&](Index round) { prepare_round(state, round, repeats); },
                     .go_on = [&](Index, double) { return !state.stop_requested(); }});
  if (state.stop_requested()) {
    return std::nullopt;
  }
  return compare_rounds(seconds_of(both[1]), seconds_of(both[0]), 0).ratio.median;
}

}  // namespace

Contestant same_time_contestant(RunState& state, const RunRecord& record, const SameTimeOptions& options) {
  VariantForecast at = options.forecast;
  if (!at.skipped.empty()) {
    at.width = 0;  // never found
    return dense_contestant(state, at);
  }
  const WidthRange range = same_time_widths(state.experiment, state.context.threads());
  const double until =
      state.watch.seconds() + kShareOfBudget * std::max(0.0, state.budget_s - state.watch.seconds());
  const double a_trial = std::max(0.0, until - state.watch.seconds()) / kMostTrials;
  int tried = 0;
  double longest = 0;
  const auto time_ratio = [&](Index width) -> std::optional<double> {
    const double begin = state.watch.seconds();
    if (tried >= kFewestTrials && begin + longest > until) {
      return std::nullopt;
    }
    state.progress("matching a dense layer", static_cast<double>(tried) / kMostTrials);
    at.width = width;
    const std::optional<double> ratio = time_width(state, moe_contestant(state, record),
                                                   dense_contestant(state, at), options.repeats, a_trial);
    longest = std::max(longest, state.watch.seconds() - begin);
    ++tried;
    return ratio;
  };
  const std::vector<WidthTrial> trials = search_width({.first = options.forecast.width,
                                                       .range = range,
                                                       .most_trials = kMostTrials,
                                                       .tolerance = state.experiment.measure.target / 2},
                                                      time_ratio);
  if (trials.empty()) {
    at.width = 0;
    at.skipped = "stopped before its width was found";
    return dense_contestant(state, at);
  }
  at.width = closest_trial(trials).width;
  Contestant found = dense_contestant(state, at);
  found.result.width_trials = tried;
  found.result.narrowest = range.step;
  found.result.widest = range.widest;
  return found;
}

}  // namespace moesim
