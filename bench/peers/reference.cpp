#include "bench/peers/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/reference.h"

namespace moesim::bench {

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
      const std::vector<double> y =
          reference::expert_row(weights, Activation::swiglu, batches_.x.row(tokens_[i]));
      const double weight = plan.row_weight[static_cast<std::size_t>(row)];
      const std::lock_guard<std::mutex> lock(mutex_);
      for (std::size_t d = 0; d < rows_[i].size(); ++d) {
        rows_[i][d] += weight * y[d];
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
