#include "trace/specialisation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "trace/marginal.h"

namespace moesim {
namespace {

constexpr std::uint64_t kMostOccurrences = 4096;

// ln P(X = m) of X ~ Bin(n, q), 0 < q < 1
double log_binomial(double n, double m, double q) {
  return std::lgamma(n + 1) - std::lgamma(m + 1) - std::lgamma(n - m + 1) + m * std::log(q) +
         (n - m) * std::log1p(-q);
}

// The counts at which the chance is worked out; between them it is interpolated in ln n.
std::vector<std::uint64_t> nodes() {
  std::vector<std::uint64_t> nodes;
  for (std::uint64_t n = 1; n <= kMostOccurrences; n = n < 4 ? n + 1 : n % 3 == 0 ? n / 3 * 4 : n / 2 * 3) {
    nodes.push_back(n);
  }
  return nodes;
}

}  // namespace

std::vector<DomainSpecialisation> specialise_domains(std::span<const LayerLoad* const> domains) {
  std::vector<std::vector<double>> share;
  for (const LayerLoad* domain : domains) {
    share.push_back(shares(domain->count));
  }
  std::vector<DomainSpecialisation> result;
  for (std::size_t d = 0; d < domains.size(); ++d) {
    const std::vector<double> q = popularity(*domains[d]);
    DomainSpecialisation own;
    if (!q.empty()) {
      const auto most = std::max_element(q.begin(), q.end());
      own = {.expert = most - q.begin(),
             .share = *most,
             .chance = domains[d]->mean_k() / static_cast<double>(q.size())};
    }
    if (domains.size() > 1) {
      std::vector<double> others(q.size());
      for (std::size_t other = 0; other < domains.size(); ++other) {
        for (std::size_t e = 0; e < others.size() && other != d; ++e) {
          others[e] += share[other][e] / static_cast<double>(domains.size() - 1);
        }
      }
      own.distance = total_variation(share[d], others);
    }
    result.push_back(own);
  }
  return result;
}

void VocabularyCounts::add(std::int64_t id, std::span<const std::uint64_t> count) {
  if (id != id_) {
    end();
    scattered_ = scattered_ || complete_.count(id) > 0;
    id_ = id;
  }
  pieces_.resize(std::max(pieces_.size(), count.size()));
  for (std::size_t e = 0; e < count.size(); ++e) {
    pieces_[e] += count[e];
  }
}

void VocabularyCounts::end() {
  std::uint64_t sum = 0;
  std::uint64_t most = 0;
  for (std::uint64_t& n : pieces_) {
    sum += n;
    most = std::max(most, n);
    n = 0;
  }
  if (sum > 0) {
    ++ids_;
    choices_ += sum;
    most_ += most;
    divisor_ = std::gcd(divisor_, sum);
    ++ids_with_[sum];
    complete_.insert(id_);
  }
  id_ = -1;
}

VocabularyCounts count_vocabulary(const KeptTokens& tokens) {
  std::vector<std::pair<std::int64_t, std::int32_t>> chosen;  // id, expert
  for (Index t = 0; t < tokens.num_tokens() && tokens.has_token_ids(); ++t) {
    for (const std::int32_t expert : tokens.choices(t)) {
      chosen.emplace_back(tokens.token_id(t), expert);
    }
  }
  std::sort(chosen.begin(), chosen.end());
  VocabularyCounts vocabulary;
  std::vector<std::uint64_t> count;
  for (std::size_t i = 0; i < chosen.size();) {
    const std::int64_t id = chosen[i].first;
    count.assign(static_cast<std::size_t>(tokens.num_experts()), 0);
    for (; i < chosen.size() && chosen[i].first == id; ++i) {
      ++count[static_cast<std::size_t>(chosen[i].second)];
    }
    vocabulary.add(id, count);
  }
  vocabulary.end();
  return vocabulary;
}

double expected_largest_share(std::span<const double> q, std::uint64_t n) {
  const auto trials = static_cast<double>(n);
  std::vector<double> below(q.size());  // P(X_e ≤ m), growing with m
  double expected = 0;
  for (std::uint64_t m = 0; m < n; ++m) {
    double all_below = 1.0;
    for (std::size_t e = 0; e < q.size(); ++e) {
      if (q[e] >= 1.0) {
        all_below = 0.0;
      } else if (q[e] > 0.0) {
        if (below[e] < 1.0 - 1e-15) {
          below[e] = std::min(1.0, below[e] + std::exp(log_binomial(trials, static_cast<double>(m), q[e])));
        }
        all_below *= below[e];
      }
    }
    expected += 1.0 - all_below;
    if (all_below > 1.0 - 1e-12) {
      break;
    }
  }
  return expected / trials;
}

VocabularySpecialisation VocabularyCounts::summarise(const LayerLoad& load, Index top_k) const {
  const auto k = static_cast<std::uint64_t>(std::max<Index>(1, top_k));
  VocabularySpecialisation result{.ids = ids_, .occurrences = choices_ / k};
  if (ids_ == 0 || load.num_experts() == 0) {
    return result;
  }
  const double occurrences = static_cast<double>(choices_) / static_cast<double>(k);
  result.share = static_cast<double>(most_) / occurrences;
  result.chance = load.mean_k() / static_cast<double>(load.num_experts());
  const std::vector<double> q = popularity(load);
  const std::vector<std::uint64_t> grid = nodes();
  std::vector<double> at(grid.size(), -1.0);
  const auto value = [&](std::size_t i) {
    if (at[i] < 0) {
      at[i] = expected_largest_share(q, grid[i]);
    }
    return at[i];
  };
  double weighted = 0;
  double weights = 0;
  for (const auto& [choices, ids] : ids_with_) {
    const std::uint64_t n = std::clamp<std::uint64_t>((choices + k / 2) / k, 1, grid.back());
    const auto up = static_cast<std::size_t>(std::lower_bound(grid.begin(), grid.end(), n) - grid.begin());
    double share = value(up);
    if (grid[up] != n) {
      const double part = std::log(static_cast<double>(n) / static_cast<double>(grid[up - 1])) /
                          std::log(static_cast<double>(grid[up]) / static_cast<double>(grid[up - 1]));
      share = (1.0 - part) * value(up - 1) + part * share;
    }
    const double weight = static_cast<double>(choices) * static_cast<double>(ids);
    weighted += weight * share;
    weights += weight;
  }
  result.popularity = weighted / weights;
  return result;
}

}  // namespace moesim
