#include "trace/coactivation.h"

#include <algorithm>
#include <cmath>

#include "trace/neighbours.h"

namespace moesim {
namespace {

// E|X − μ| of a Poisson number X of mean μ: 2·e^−μ·μ^(⌊μ⌋+1)/⌊μ⌋! (de Moivre's identity).
double mean_poisson_deviation(double mean) {
  if (mean <= 0) {
    return 0.0;
  }
  const double whole = std::floor(mean);
  return 2.0 * std::exp(-mean + (whole + 1.0) * std::log(mean) - std::lgamma(whole + 1.0));
}

struct Excess {
  double more;
  Index a, b;
};

}  // namespace

void PairCounts::widen(Index num_experts) {
  if (num_experts > experts_) {
    experts_ = num_experts;
    count_.resize(static_cast<std::size_t>(num_experts) * static_cast<std::size_t>(num_experts - 1) / 2);
  }
}

void PairCounts::merge(const PairCounts& later) {
  widen(later.experts_);
  for (std::size_t i = 0; i < later.count_.size(); ++i) {
    count_[i] += later.count_[i];
  }
}

std::uint32_t PairCounts::count(Index a, Index b) const {
  const auto low = static_cast<std::size_t>(std::min(a, b));
  const auto high = static_cast<std::size_t>(std::max(a, b));
  return std::max(a, b) >= experts_ ? 0 : count_[high * (high - 1) / 2 + low];
}

std::uint64_t PairCounts::total() const {
  std::uint64_t sum = 0;
  for (const std::uint32_t n : count_) {
    sum += n;
  }
  return sum;
}

void CoactivationCounts::add(const ChoiceBlock& block) {
  std::int32_t largest = -1;
  for (const std::int32_t expert : block.expert) {
    largest = std::max(largest, expert);
  }
  all.widen(largest + 1);
  adjacent.widen(largest + 1);
  for (Index t = 0; t < block.num_tokens(); ++t) {
    const auto choices = choices_of(block, t);
    for (std::size_t j = 1; j < choices.size(); ++j) {
      adjacent.add(choices[j - 1], choices[j]);
      for (std::size_t i = 0; i < j; ++i) {
        all.add(choices[i], choices[j]);
      }
    }
  }
}

void CoactivationCounts::merge(const CoactivationCounts& later) {
  all.merge(later.all);
  adjacent.merge(later.adjacent);
}

PairSummary summarise_pairs(const PairCounts& pairs, const LayerLoad& load, std::size_t top) {
  PairSummary summary;
  summary.pairs = pairs.total();
  const std::vector<double> p = shares(load.count);
  double same = 0;
  for (const double share : p) {
    same += share * share;
  }
  if (summary.pairs == 0 || same >= 1.0) {
    return summary;
  }
  const auto all = static_cast<double>(summary.pairs);
  const auto expected = [&](Index a, Index b) {
    return all * 2.0 * p[static_cast<std::size_t>(a)] * p[static_cast<std::size_t>(b)] / (1.0 - same);
  };
  std::vector<Excess> best;  // a heap of the largest `top`, the least of them first
  const auto larger = [](const Excess& x, const Excess& y) {
    return x.more != y.more ? x.more > y.more : x.a != y.a ? x.a < y.a : x.b < y.b;
  };
  for (Index b = 1; b < load.num_experts(); ++b) {
    for (Index a = 0; a < b; ++a) {
      const double chance = expected(a, b);
      const double more = static_cast<double>(pairs.count(a, b)) - chance;
      summary.departure += std::abs(more) / (2.0 * all);
      summary.departure_floor += mean_poisson_deviation(chance) / (2.0 * all);
      if (more > 0 && top > 0 && (best.size() < top || larger({more, a, b}, best.front()))) {
        if (best.size() == top) {
          std::pop_heap(best.begin(), best.end(), larger);
          best.pop_back();
        }
        best.push_back({more, a, b});
        std::push_heap(best.begin(), best.end(), larger);
      }
    }
  }
  std::sort(best.begin(), best.end(), larger);
  for (const Excess& pair : best) {
    const auto n = static_cast<double>(pairs.count(pair.a, pair.b));
    const std::uint64_t rarer =
        std::min(load.count[static_cast<std::size_t>(pair.a)], load.count[static_cast<std::size_t>(pair.b)]);
    summary.top.push_back({.a = pair.a,
                           .b = pair.b,
                           .count = pairs.count(pair.a, pair.b),
                           .share_of_tokens = n / static_cast<double>(load.tokens),
                           .of_rarer = n / static_cast<double>(rarer),
                           .lift = n / expected(pair.a, pair.b)});
  }
  return summary;
}

}  // namespace moesim
