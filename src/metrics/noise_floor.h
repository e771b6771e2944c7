#pragma once
// What a perfectly uniform router would show by chance: the figure to print beside every balance metric.

#include <cstdint>
#include <span>

#include "metrics/load.h"

namespace moesim {

struct Floor {
  double mean = 0;
  double p05 = 0;  // 5 % and 95 % points of the draws: which one is bad luck depends on the metric
  double p95 = 0;
};

struct NoiseFloor {
  Floor max_violation, min_over_mean, cv, gini, entropy, effective_experts, dead_experts;
  bool approximate = false;  // normal approximation instead of drawing every assignment
};

// layers[l][j] = number of tokens that chose exactly j experts in layer l. 200 seeded draws of a router that
// gives each token its own number of distinct experts, uniformly and independently in each layer; the metrics
// are those of mean_of_layers(). When the draws together would exceed 10⁷ assignments, counts come from the
// normal approximation (mean kT/E, the covariance of the hypergeometric-multinomial, its skewness) instead.
NoiseFloor noise_floor(std::span<const Counts> layers, std::int64_t num_experts, std::uint64_t seed);

// √((E−k)/(kT)): the root mean square of the CV of a uniform router (k experts of E for each of T tokens).
// Its mean lies about 1/(4(E−1)) below.
double expected_uniform_cv(std::int64_t num_experts, std::int64_t top_k, std::uint64_t tokens);

}  // namespace moesim
