#include "bench/peers/reference.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>

namespace moesim::bench {
namespace {

Eigen::VectorXd as_double(std::span<const float> row) {
  return Eigen::Map<const Eigen::VectorXf>(row.data(), static_cast<Eigen::Index>(row.size())).cast<double>();
}

// weight·down(silu(gate_proj·x) ⊙ up·x)
Eigen::VectorXd expert_row(const FfnWeights& weights, std::span<const float> x, double weight) {
  const Eigen::VectorXd from = as_double(x);
  Eigen::VectorXd y = Eigen::VectorXd::Zero(from.size());
  for (Index f = 0; f < weights.up.rows(); ++f) {
    const double gate = as_double(weights.gate_proj.row(f)).dot(from);
    const double hidden = gate / (1.0 + std::exp(-gate)) * as_double(weights.up.row(f)).dot(from);
    y += weight * hidden * as_double(weights.down.row(f));
  }
  return y;
}

}  // namespace

Reference::Reference(const Batches& batches) : batches_(batches) {
  const Index count = batches.x.rows();
  for (const Index t : {Index{0}, count / 2, count - 1}) {
    if (tokens_.empty() || tokens_.back() != t) {
      tokens_.push_back(t);
      rows_.emplace_back(static_cast<std::size_t>(batches.x.cols()), 0.0);
    }
  }
}

void Reference::add(Index expert, const FfnWeights& weights) {
  const DispatchPlan& plan = batches_.plans.front();
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const auto t = static_cast<std::size_t>(tokens_[i]);
    for (Index a = plan.token_begin[t]; a < plan.token_begin[t + 1]; ++a) {
      const Index row = plan.assignment_row[static_cast<std::size_t>(a)];
      if (plan.expert_of_row(row) != expert) {
        continue;
      }
      const Eigen::VectorXd y =
          expert_row(weights, batches_.x.row(tokens_[i]),
                     static_cast<double>(plan.row_weight[static_cast<std::size_t>(row)]));
      const std::lock_guard<std::mutex> lock(mutex_);
      for (std::size_t d = 0; d < rows_[i].size(); ++d) {
        rows_[i][d] += y[static_cast<Eigen::Index>(d)];
      }
    }
  }
}

double Reference::distance(const Matrix& y) const {
  double largest = 0;
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const double distance = relative_distance(y.row(tokens_[i]), rows_[i]);
    largest = std::isfinite(distance) ? std::max(largest, distance) : std::numeric_limits<double>::infinity();
  }
  return largest;
}

}  // namespace moesim::bench
