#include "trace/expert_cache.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace moesim {
namespace {

constexpr std::size_t kFolds = 64;
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

// Hits of least recently used caches of every size at once: an access hits all caches larger than the number
// of other experts used since its last use (Mattson et al. 1970, "Evaluation techniques for storage
// hierarchies").
std::vector<std::uint64_t> lru_hits(std::span<const std::int32_t> accesses, Index num_experts) {
  std::vector<std::uint64_t> at_depth(static_cast<std::size_t>(num_experts) + 1);
  std::vector<std::int32_t> recent;  // the last used first
  for (const std::int32_t expert : accesses) {
    const auto found = std::find(recent.begin(), recent.end(), expert);
    if (found == recent.end()) {
      recent.insert(recent.begin(), expert);
    } else {
      ++at_depth[static_cast<std::size_t>(found - recent.begin()) + 1];
      std::rotate(recent.begin(), found, found + 1);
    }
  }
  std::partial_sum(at_depth.begin(), at_depth.end(), at_depth.begin());
  return at_depth;  // [size]
}

// A cache of one size; `worse` decides which of two experts goes.
template <class Use, class Worse>
std::uint64_t hits_of(std::span<const std::int32_t> accesses, Index num_experts, Index size, Use use,
                      Worse worse) {
  std::vector<char> inside(static_cast<std::size_t>(num_experts));
  std::vector<std::int32_t> held;
  std::uint64_t hits = 0;
  for (std::size_t i = 0; i < accesses.size(); ++i) {
    const std::int32_t expert = accesses[i];
    if (inside[static_cast<std::size_t>(expert)] != 0) {
      ++hits;
    } else if (static_cast<Index>(held.size()) < size) {
      held.push_back(expert);
    } else {
      const auto leaves = std::min_element(held.begin(), held.end(), worse);
      inside[static_cast<std::size_t>(*leaves)] = 0;
      *leaves = expert;
    }
    inside[static_cast<std::size_t>(expert)] = 1;
    use(i, static_cast<std::size_t>(expert));
  }
  return hits;
}

std::uint64_t lfu_hits(std::span<const std::int32_t> accesses, Index num_experts, Index size) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> used(static_cast<std::size_t>(num_experts));
  return hits_of(
      accesses, num_experts, size,
      [&](std::size_t i, std::size_t expert) {
        used[expert] = {used[expert].first + 1, i};
      },
      [&](std::int32_t a, std::int32_t b) {
        return used[static_cast<std::size_t>(a)] < used[static_cast<std::size_t>(b)];
      });
}

std::vector<std::uint64_t> next_uses(std::span<const std::int32_t> accesses, Index num_experts) {
  std::vector<std::uint64_t> next(accesses.size());
  std::vector<std::uint64_t> coming(static_cast<std::size_t>(num_experts), kNever);
  for (std::size_t i = accesses.size(); i-- > 0;) {
    std::uint64_t& of_expert = coming[static_cast<std::size_t>(accesses[i])];
    next[i] = of_expert;
    of_expert = i;
  }
  return next;
}

std::uint64_t optimal_hits(std::span<const std::int32_t> accesses, std::span<const std::uint64_t> next,
                           Index num_experts, Index size) {
  std::vector<std::uint64_t> needed(static_cast<std::size_t>(num_experts), kNever);
  return hits_of(
      accesses, num_experts, size, [&](std::size_t i, std::size_t expert) { needed[expert] = next[i]; },
      [&](std::int32_t a, std::int32_t b) {
        return needed[static_cast<std::size_t>(a)] > needed[static_cast<std::size_t>(b)];
      });
}

// Who learns of whom: each run of tokens is served by what was counted in all folds but its own. With one
// sequence the runs are its halves, of which only the second is served.
struct Folds {
  std::vector<std::pair<Index, Index>> runs;
  std::size_t first_served = 0;

  explicit Folds(const KeptTokens& tokens) : runs(tokens.sequences()) {
    if (runs.size() == 1) {
      const Index middle = tokens.num_tokens() / 2;
      runs = {{0, middle}, {middle, tokens.num_tokens()}};
      first_served = 1;
    }
  }
  std::size_t count() const { return std::min(runs.size(), kFolds); }
};

using CountsByFold = std::vector<std::vector<std::uint64_t>>;

CountsByFold count_by_fold(const KeptTokens& tokens, const Folds& folds, std::size_t experts) {
  CountsByFold count(folds.count(), std::vector<std::uint64_t>(experts));
  for (std::size_t run = 0; run < folds.runs.size(); ++run) {
    const auto [from, to] = folds.runs[run];
    for (const std::int32_t expert : tokens.choices_between(from, to)) {
      ++count[run % kFolds][static_cast<std::size_t>(expert)];
    }
  }
  return count;
}

// [fold][expert]: how many experts are more frequent in the other folds; ties to the lowest expert.
CountsByFold ranks_from_others(const CountsByFold& count, std::size_t experts) {
  std::vector<std::uint64_t> all(experts);
  for (const auto& of_fold : count) {
    for (std::size_t e = 0; e < experts; ++e) {
      all[e] += of_fold[e];
    }
  }
  CountsByFold rank(count.size(), std::vector<std::uint64_t>(experts));
  std::vector<std::size_t> order(experts);
  for (std::size_t fold = 0; fold < count.size(); ++fold) {
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return all[a] - count[fold][a] > all[b] - count[fold][b];
    });
    for (std::size_t r = 0; r < experts; ++r) {
      rank[fold][order[r]] = r;
    }
  }
  return rank;
}

// Adds each size's rate of a fixed set, mean over the runs that are served.
void add_fixed(const KeptTokens& tokens, Index num_experts, CacheSummary& summary) {
  const Folds folds(tokens);
  summary.fixed_from_other_sequences = folds.first_served == 0;
  const auto experts = static_cast<std::size_t>(num_experts);
  const CountsByFold rank = ranks_from_others(count_by_fold(tokens, folds, experts), experts);
  double served = 0;
  for (std::size_t run = folds.first_served; run < folds.runs.size(); ++run) {
    const auto [from, to] = folds.runs[run];
    const auto accesses = tokens.choices_between(from, to);
    served += accesses.empty() ? 0 : 1;
    for (CacheRates& rates : summary.rates) {
      const auto hits = std::count_if(accesses.begin(), accesses.end(), [&](std::int32_t expert) {
        return rank[run % kFolds][static_cast<std::size_t>(expert)] < static_cast<std::uint64_t>(rates.size);
      });
      rates.fixed +=
          accesses.empty() ? 0.0 : static_cast<double>(hits) / static_cast<double>(accesses.size());
    }
  }
  for (CacheRates& rates : summary.rates) {
    rates.fixed /= std::max(1.0, served);
  }
}

}  // namespace

std::vector<Index> cache_sizes(Index num_experts, Index top_k) {
  std::vector<Index> sizes{std::clamp<Index>(top_k, 1, num_experts)};
  for (const Index eighths : {1, 2, 3, 4, 6}) {
    sizes.push_back(std::max<Index>(1, num_experts * eighths / 8));
  }
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
}

CacheSummary summarise_caches(const KeptTokens& tokens, std::span<const Index> sizes) {
  CacheSummary summary{.tokens = static_cast<std::uint64_t>(tokens.num_tokens()),
                       .accesses = tokens.all_choices().size()};
  if (summary.accesses == 0) {
    return summary;
  }
  const Index experts = std::max(tokens.num_experts(), *std::max_element(sizes.begin(), sizes.end()));
  for (const Index size : sizes) {
    summary.rates.push_back({.size = size});
  }
  for (const auto& [from, to] : tokens.sequences()) {
    const auto accesses = tokens.choices_between(from, to);
    if (accesses.empty()) {
      continue;
    }
    ++summary.sequences;
    const auto all = static_cast<double>(accesses.size());
    const std::vector<std::uint64_t> lru = lru_hits(accesses, experts);
    const std::vector<std::uint64_t> next = next_uses(accesses, experts);
    for (CacheRates& rates : summary.rates) {
      rates.lru += static_cast<double>(lru[static_cast<std::size_t>(rates.size)]) / all;
      rates.lfu += static_cast<double>(lfu_hits(accesses, experts, rates.size)) / all;
      rates.optimal += static_cast<double>(optimal_hits(accesses, next, experts, rates.size)) / all;
    }
  }
  for (CacheRates& rates : summary.rates) {
    rates.lru /= static_cast<double>(summary.sequences);
    rates.lfu /= static_cast<double>(summary.sequences);
    rates.optimal /= static_cast<double>(summary.sequences);
  }
  add_fixed(tokens, experts, summary);
  return summary;
}

}  // namespace moesim
