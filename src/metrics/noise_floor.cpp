// Loads of a router that gives each token its own number k of distinct experts, uniformly.
//
// Drawing: Floyd's sampling of k distinct of E, token by token (Bentley and Floyd 1987, "A sample of
// brilliance", Communications of the ACM 30(9)).
//
// Approximation: with p = k/E, one token's indicators have variance p(1−p) and, because they sum to k,
// covariance −p(1−p)/(E−1). Tokens are independent, so the loads have mean Σ n_k·k/E, variance v = Σ
// n_k·p(1−p) and correlation −1/(E−1): that of E independent normal numbers minus their mean, times
// √(E/(E−1)), here u. The classes of k need no draws of their own, as sums of normal numbers are normal. A
// load of mean 100 is still skewed by a tenth, which the largest of many loads shows; so the third cumulant c
// = Σ n_k·p(1−p)(1−2p) is put back (Cornish and Fisher 1938): load = mean + √v·u + c/(6v)·(u²−1), rounded and
// at least 0.

#include "metrics/noise_floor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "metrics/noise_floor_draws.h"

namespace moesim {
namespace {

using Samples = std::array<double, kNoiseFloorDraws>;

double total_assignments(std::span<const std::uint64_t> count_of_k) {
  double total = 0;
  for (std::size_t k = 0; k < count_of_k.size(); ++k) {
    total += static_cast<double>(k) * static_cast<double>(count_of_k[k]);
  }
  return total;
}

RandomKey key_of(std::uint64_t seed) {
  return {.seed = seed, .stream = Stream::noise_floor};
}

// Every assignment of draw number `draw`.
void draw_every_token(std::span<const std::uint64_t> count_of_k, std::uint64_t seed, std::uint64_t draw,
                      Counts& counts) {
  RandomSequence random(key_of(seed), draw);
  std::fill(counts.begin(), counts.end(), 0);
  const auto experts = static_cast<std::uint32_t>(counts.size());
  std::vector<std::uint64_t> chosen_by(experts);  // the last token (from 1) that chose each expert
  std::uint64_t token = 0;
  for (std::uint32_t k = 1; k < count_of_k.size(); ++k) {
    for (std::uint64_t i = 0; i < count_of_k[k]; ++i) {
      ++token;
      for (std::uint32_t last = experts - k; last < experts; ++last) {
        const std::uint32_t candidate = random.next_below(last + 1);
        const std::uint32_t expert = chosen_by[candidate] == token ? last : candidate;
        chosen_by[expert] = token;
        ++counts[expert];
      }
    }
  }
}

struct NormalLoad {
  double mean = 0;
  double deviation = 0;  // √v
  double skew = 0;       // c/(6v)
};

NormalLoad normal_load(std::span<const std::uint64_t> count_of_k, std::int64_t num_experts) {
  const auto experts = static_cast<double>(num_experts);
  double variance = 0;
  double third_cumulant = 0;
  for (std::size_t k = 0; k < count_of_k.size(); ++k) {
    const double p = static_cast<double>(k) / experts;
    const double class_variance = static_cast<double>(count_of_k[k]) * p * (1.0 - p);
    variance += class_variance;
    third_cumulant += class_variance * (1.0 - 2.0 * p);
  }
  return {.mean = total_assignments(count_of_k) / experts,
          .deviation = std::sqrt(variance),
          .skew = variance > 0 ? third_cumulant / (6.0 * variance) : 0.0};
}

void draw_normal(const NormalLoad& load, std::uint64_t seed, std::uint64_t draw, Counts& counts) {
  std::vector<float> z(counts.size());
  fill_normal(key_of(seed), draw, 1.0F, z);
  const auto experts = static_cast<double>(z.size());
  const double centre = std::accumulate(z.begin(), z.end(), 0.0) / experts;
  const double stretch = z.size() > 1 ? std::sqrt(experts / (experts - 1.0)) : 1.0;
  for (std::size_t e = 0; e < counts.size(); ++e) {
    const double u = stretch * (z[e] - centre);
    const double value = load.mean + load.deviation * u + load.skew * (u * u - 1.0);
    counts[e] = static_cast<std::uint64_t>(std::max(0.0, std::round(value)));
  }
}

// Points of the samples: the smallest one that at least the given share of them does not exceed.
Floor floor_of(Samples samples) {
  const double mean = std::accumulate(samples.begin(), samples.end(), 0.0) / kNoiseFloorDraws;
  std::sort(samples.begin(), samples.end());
  return {.mean = mean,
          .p05 = samples[kNoiseFloorDraws * 5 / 100 - 1],
          .p95 = samples[kNoiseFloorDraws * 95 / 100 - 1]};
}

Floor floor_of(const std::array<LoadStats, kNoiseFloorDraws>& draws, double LoadStats::*metric) {
  Samples samples;
  std::transform(draws.begin(), draws.end(), samples.begin(),
                 [metric](const LoadStats& stats) { return stats.*metric; });
  return floor_of(samples);
}

Floor floor_of_dead_experts(const std::array<LoadStats, kNoiseFloorDraws>& draws) {
  Samples samples;
  std::transform(draws.begin(), draws.end(), samples.begin(),
                 [](const LoadStats& stats) { return static_cast<double>(stats.dead_experts); });
  return floor_of(samples);
}

std::span<const std::uint64_t> without_empty_tail(std::span<const std::uint64_t> count_of_k) {
  while (!count_of_k.empty() && count_of_k.back() == 0) {
    count_of_k = count_of_k.first(count_of_k.size() - 1);
  }
  return count_of_k;
}

}  // namespace

NoiseFloor noise_floor_within(std::uint64_t max_drawn_assignments, std::span<const Counts> layers,
                              std::int64_t num_experts, std::uint64_t seed) {
  MOESIM_CHECK(num_experts >= 1 && num_experts <= INT32_MAX && !layers.empty(),
               "a noise floor for an impossible number of experts or no layer");
  std::vector<std::span<const std::uint64_t>> classes;
  std::vector<NormalLoad> loads;
  double assignments = 0;
  for (const Counts& layer : layers) {
    classes.push_back(without_empty_tail(layer));
    MOESIM_CHECK(std::ssize(classes.back()) <= num_experts + 1,
                 "tokens that chose more experts than there are");
    loads.push_back(normal_load(classes.back(), num_experts));
    assignments += total_assignments(classes.back());
  }
  const bool approximate = assignments * kNoiseFloorDraws > static_cast<double>(max_drawn_assignments);
  std::array<LoadStats, kNoiseFloorDraws> draws;
  std::vector<LoadStats> of_layers(layers.size());
  Counts counts(static_cast<std::size_t>(num_experts));
  for (std::size_t draw = 0; draw < draws.size(); ++draw) {
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
      const std::uint64_t number = draw * layers.size() + layer;
      if (approximate) {
        draw_normal(loads[layer], seed, number, counts);
      } else {
        draw_every_token(classes[layer], seed, number, counts);
      }
      of_layers[layer] = load_stats(counts);
    }
    draws[draw] = mean_of_layers(of_layers);
  }
  return {.max_violation = floor_of(draws, &LoadStats::max_violation),
          .min_over_mean = floor_of(draws, &LoadStats::min_over_mean),
          .cv = floor_of(draws, &LoadStats::cv),
          .gini = floor_of(draws, &LoadStats::gini),
          .entropy = floor_of(draws, &LoadStats::entropy),
          .effective_experts = floor_of(draws, &LoadStats::effective_experts),
          .dead_experts = floor_of_dead_experts(draws),
          .approximate = approximate};
}

NoiseFloor noise_floor(std::span<const Counts> layers, std::int64_t num_experts, std::uint64_t seed) {
  return noise_floor_within(kMaxDrawnAssignments, layers, num_experts, seed);
}

double expected_uniform_cv(std::int64_t num_experts, std::int64_t top_k, std::uint64_t tokens) {
  if (top_k <= 0 || tokens == 0) {
    return 0.0;
  }
  return std::sqrt(static_cast<double>(num_experts - top_k) /
                   (static_cast<double>(top_k) * static_cast<double>(tokens)));
}

}  // namespace moesim
