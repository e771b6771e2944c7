#include "metrics/run_detail.h"

#include <algorithm>
#include <cmath>

namespace moesim {

Histogram make_histogram(const std::string& what, Index layer) {
  Histogram histogram;
  histogram.what = what;
  histogram.layer = layer;
  histogram.bins.assign(kHistogramBins, 0);
  return histogram;
}

void add_to(Histogram& histogram, double value) {
  const double bins = static_cast<double>(histogram.bins.size());
  const double place = (value - histogram.low) / (histogram.high - histogram.low) * bins;
  ++histogram.bins[static_cast<std::size_t>(std::clamp(std::floor(place), 0.0, bins - 1))];
}

void count_pairs(const Assignments& assignments, CoActivation& pairs) {
  for (std::size_t t = 0; t + 1 < assignments.begin.size(); ++t) {
    const auto first = static_cast<std::size_t>(assignments.begin[t]);
    const auto last = static_cast<std::size_t>(assignments.begin[t + 1]);
    for (std::size_t a = first; a < last; ++a) {
      for (std::size_t b = a + 1; b < last; ++b) {
        const Index i = std::min(assignments.expert[a], assignments.expert[b]);
        const Index j = std::max(assignments.expert[a], assignments.expert[b]);
        ++pairs.together[static_cast<std::size_t>(i * pairs.num_experts + j)];
      }
    }
  }
}

double normalised_entropy(std::span<const float> logits) {
  if (logits.size() < 2) {
    return 1.0;
  }
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  double weighted = 0;
  for (const float logit : logits) {
    const double shifted = static_cast<double>(logit) - largest;
    const double e = std::exp(shifted);
    sum += e;
    weighted += e * shifted;
  }
  // H = ln Σe^s − Σ s e^s / Σe^s
  return std::clamp((std::log(sum) - weighted / sum) / std::log(static_cast<double>(logits.size())), 0.0,
                    1.0);
}

}  // namespace moesim
