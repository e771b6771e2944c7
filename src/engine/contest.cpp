#include "engine/contest.h"

#include <algorithm>

#include "core/stopwatch.h"

namespace moesim {

int run_contest(std::vector<Contestant>& contestants, const ContestOptions& options) {
  const Stopwatch watch;
  const int count = static_cast<int>(contestants.size());
  double longest_round = 0;
  int round = 0;
  for (; round < options.max_rounds; ++round) {
    const double spent = watch.seconds();
    if (round >= options.min_rounds && spent + longest_round > options.seconds) {
      break;
    }
    options.prepare(round);
    for (int place = 0; place < count; ++place) {
      Contestant& contestant =
          contestants[static_cast<std::size_t>(round % 2 == 0 ? place : count - 1 - place)];
      contestant.result.samples.push_back({contestant.run() / options.repeats, round, place});
    }
    longest_round = std::max(longest_round, watch.seconds() - spent);
    if (!options.go_on(round, watch.seconds())) {
      return round + 1;
    }
  }
  return round;
}

void summarise(std::vector<Contestant>& contestants) {
  for (Contestant& contestant : contestants) {
    VariantResult& result = contestant.result;
    const std::vector<Sample>& reference = contestants.front().result.samples;
    std::vector<double> seconds;
    std::vector<double> rates;
    std::vector<double> ratios;
    for (std::size_t i = 0; i < result.samples.size(); ++i) {
      const double s = std::max(result.samples[i].seconds, 1e-12);
      seconds.push_back(s);
      rates.push_back(static_cast<double>(result.tokens) / s);
      const double own = rates.back();
      const double other =
          static_cast<double>(contestants.front().result.tokens) / std::max(reference[i].seconds, 1e-12);
      ratios.push_back(other > 0 ? own / other : 0);
    }
    result.seconds = median_interval(seconds);
    result.tokens_per_s = median_interval(rates);
    result.ratio = median_interval(ratios);
    result.outliers = count_outliers(seconds);
    if (result.seconds.median > 0) {
      result.gflops = result.flops_per_token * static_cast<double>(result.layers) *
                      static_cast<double>(result.tokens) / result.seconds.median / 1e9;
    }
  }
}

}  // namespace moesim
