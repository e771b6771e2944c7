#pragma once
// The shape of a layer's load: its shares from the largest to the smallest, and three descriptions of it.

#include <span>
#include <vector>

#include "metrics/load.h"

namespace moesim {

// Each parameter is the one with the smallest misfit: the total variation ½ Σ|share − model| of shares in
// falling order. The empirical marginal (the shares themselves) has misfit 0.
struct MarginalFit {
  double sigma = 0;  // log-normal: share of rank r (from 1) in proportion to exp(σ·Φ⁻¹(1 − (r − ½)/E))
  double log_normal_misfit = 0;
  double exponent = 0;  // Zipf: in proportion to r^−s
  double zipf_misfit = 0;
  double uniform_misfit = 0;
};

double total_variation(std::span<const double> a, std::span<const double> b);

MarginalFit fit_marginal(const Counts& counts);

}  // namespace moesim
