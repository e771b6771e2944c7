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
constexpr int kUsualTrials = 6;  // the time is shared among so many
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
// stopped. Making the stack pushed all other weights out of the caches, and it takes the MoE, which reads
// other experts every time, some rounds until they are back: half of the time goes by first.
std::optional<double> time_width(RunState& state, Contestant dense, const SameTimeOptions& options,
                                 double seconds) {
  std::vector<Contestant> all(options.others.begin(), options.others.end());
  all.insert(all.begin() + static_cast<std::ptrdiff_t>(options.place), std::move(dense));
  ContestOptions rounds{.seconds = seconds / 2,
                        .min_rounds = 1,
                        .repeats = options.repeats,
                        .prepare = [&](Index round) { prepare_round(state, round, options.repeats); },
                        .go_on = [&](Index, double) { return !state.stop_requested(); }};
  run_contest(all, rounds);
  for (Contestant& contestant : all) {
    contestant.result.samples.clear();
  }
  rounds.min_rounds = kFewestRounds;
  if (!state.stop_requested()) {
    run_contest(all, rounds);
  }
  if (state.stop_requested()) {
    return std::nullopt;
  }
  return compare_rounds(seconds_of(all[options.place]), seconds_of(all.front()), 0).ratio.median;
}

}  // namespace

Contestant same_time_contestant(RunState& state, const SameTimeOptions& options) {
  VariantForecast at = options.forecast;
  if (!at.skipped.empty()) {
    at.width = 0;  // never found
    return dense_contestant(state, at);
  }
  const WidthRange range = same_time_widths(state.experiment, state.context.threads());
  const double until =
      state.watch.seconds() + kShareOfBudget * std::max(0.0, state.budget_s - state.watch.seconds());
  const double a_trial = std::max(0.0, until - state.watch.seconds()) / kUsualTrials;
  int tried = 0;
  double longest = 0;
  const auto time_ratio = [&](Index width) -> std::optional<double> {
    const double begin = state.watch.seconds();
    if (tried >= kFewestTrials && begin + longest > until) {
      return std::nullopt;
    }
    state.progress("matching a dense layer", static_cast<double>(tried) / kMostTrials);
    at.width = width;
    const std::optional<double> ratio = time_width(state, dense_contestant(state, at), options, a_trial);
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
