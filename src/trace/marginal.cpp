#include "trace/marginal.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "trace/layer_load.h"

namespace moesim {
namespace {

// Φ⁻¹ by halving: exact to the last digits, and fast enough for some hundred experts.
double normal_point(double probability) {
  double low = -10;
  double high = 10;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < probability ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

std::vector<double> normalised(std::vector<double> weights) {
  double sum = 0;
  for (const double weight : weights) {
    sum += weight;
  }
  for (double& weight : weights) {
    weight /= sum;
  }
  return weights;
}

std::vector<double> normal_points(std::size_t size) {
  std::vector<double> points(size);
  for (std::size_t r = 0; r < size; ++r) {
    points[r] = normal_point(1.0 - (static_cast<double>(r) + 0.5) / static_cast<double>(size));
  }
  return points;
}

std::vector<double> log_normal_at(const std::vector<double>& points, double sigma) {
  std::vector<double> weights(points.size());
  for (std::size_t r = 0; r < weights.size(); ++r) {
    weights[r] = std::exp(sigma * (points[r] - points.front()));
  }
  return normalised(std::move(weights));
}

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

std::vector<double> log_normal_shares(std::size_t num_experts, double sigma) {
  return log_normal_at(normal_points(num_experts), sigma);
}

std::vector<double> zipf_shares(std::size_t num_experts, double exponent) {
  std::vector<double> weights(num_experts);
  for (std::size_t r = 0; r < num_experts; ++r) {
    weights[r] = std::pow(static_cast<double>(r + 1), -exponent);
  }
  return normalised(std::move(weights));
}

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
  const std::vector<double> points = normal_points(share.size());
  const Best log_normal =
      smallest(6.0, [&](double sigma) { return total_variation(share, log_normal_at(points, sigma)); });
  const Best zipf =
      smallest(6.0, [&](double s) { return total_variation(share, zipf_shares(share.size(), s)); });
  return {.sigma = log_normal.parameter,
          .log_normal_misfit = log_normal.misfit,
          .exponent = zipf.parameter,
          .zipf_misfit = zipf.misfit,
          .uniform_misfit = total_variation(share, zipf_shares(share.size(), 0.0))};
}

}  // namespace moesim
