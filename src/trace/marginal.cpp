#include "trace/marginal.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "router/loads.h"
#include "trace/layer_load.h"

namespace moesim {
namespace {

struct Best {
  double parameter = 0;
  double misfit = 0;
};

// The smallest misfit on a grid, which is then made finer around it: the misfit may have several valleys.
Best smallest(double high, const std::function<double(double)>& misfit) {
  double low = 0;
  Best best{.parameter = 0, .misfit = misfit(0)};
  for (int round = 0; round < 5; ++round) {
    constexpr int kSteps = 40;
    const double step = (high - low) / kSteps;
    for (int i = 0; i <= kSteps; ++i) {
      const double parameter = low + step * i;
      const double value = misfit(parameter);
      if (value < best.misfit) {
        best = {.parameter = parameter, .misfit = value};
      }
    }
    low = std::max(0.0, best.parameter - 2 * step);
    high = best.parameter + 2 * step;
  }
  return best;
}

}  // namespace

double total_variation(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += std::abs(a[i] - b[i]);
  }
  return 0.5 * sum;
}

MarginalFit fit_marginal(const Counts& counts) {
  std::vector<double> share = shares(counts);
  double sum = 0;
  for (const double s : share) {
    sum += s;
  }
  if (sum == 0) {
    return {};
  }
  std::sort(share.begin(), share.end(), std::greater<>());
  const auto num_experts = static_cast<Index>(share.size());
  const std::vector<double> points = normal_points(num_experts);
  const Best log_normal =
      smallest(6.0, [&](double sigma) { return total_variation(share, log_normal_shares(sigma, points)); });
  const Best zipf =
      smallest(6.0, [&](double s) { return total_variation(share, zipf_shares(s, num_experts)); });
  return {.sigma = log_normal.parameter,
          .log_normal_misfit = log_normal.misfit,
          .exponent = zipf.parameter,
          .zipf_misfit = zipf.misfit,
          .uniform_misfit = total_variation(share, zipf_shares(0.0, num_experts))};
}

}  // namespace moesim
