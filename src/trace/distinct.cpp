#include "trace/distinct.h"

#include <bit>
#include <cmath>
#include <numeric>

#include "core/random.h"

namespace moesim {
namespace {

constexpr std::size_t kWordBits = 64;

void put(std::vector<std::uint64_t>& set, std::span<const std::int32_t> choices) {
  for (const std::int32_t expert : choices) {
    set[static_cast<std::size_t>(expert) / kWordBits] |= std::uint64_t{1} << (expert % 64);
  }
}

std::uint64_t size_of(std::span<const std::uint64_t> set) {
  std::uint64_t size = 0;
  for (const std::uint64_t word : set) {
    size += static_cast<std::uint64_t>(std::popcount(word));
  }
  return size;
}

}  // namespace

void DistinctCounts::grow(std::size_t words) {
  std::vector<std::uint64_t> wider(words * kBatchDoublings);
  for (std::size_t d = 0; d < kBatchDoublings; ++d) {
    for (std::size_t w = 0; w < words_; ++w) {
      wider[d * words + w] = open_[d * words_ + w];
    }
  }
  open_ = std::move(wider);
  set_.assign(words, 0);
  words_ = words;
}

void DistinctCounts::add_token(std::span<const std::int32_t> choices) {
  std::fill(set_.begin(), set_.end(), 0);
  put(set_, choices);
  // A binary counter: every second set of a size completes one of twice the size.
  for (std::size_t d = 0; d <= kBatchDoublings; ++d) {
    ++windows_[d];
    sum_[d] += size_of(set_);
    if (d == kBatchDoublings) {
      return;
    }
    std::uint64_t* open = open_.data() + d * words_;
    if ((tokens_of_sequence_ >> d & 1U) == 0) {
      std::copy(set_.begin(), set_.end(), open);
      return;
    }
    for (std::size_t w = 0; w < words_; ++w) {
      set_[w] |= open[w];
    }
  }
}

void DistinctCounts::add(const ChoiceBlock& block) {
  std::int32_t largest = 0;
  for (const std::int32_t expert : block.expert) {
    largest = std::max(largest, expert);
  }
  const std::size_t words = static_cast<std::size_t>(largest) / kWordBits + 1;
  if (words > words_) {
    grow(words);
  }
  for (Index t = 0; t < block.num_tokens(); ++t) {
    if (!neighbours_.continues(block, t)) {
      tokens_of_sequence_ = 0;
    }
    add_token(choices_of(block, t));
    ++tokens_of_sequence_;
  }
}

double DistinctCounts::mean(int doubling) const {
  const auto d = static_cast<std::size_t>(doubling);
  return windows_[d] == 0 ? 0.0 : static_cast<double>(sum_[d]) / static_cast<double>(windows_[d]);
}

double distinct_by_popularity(std::span<const double> q, Index batch) {
  double sum = 0;
  for (const double share : q) {
    sum += 1.0 - std::pow(1.0 - std::min(1.0, share), static_cast<double>(batch));
  }
  return sum;
}

double distinct_uniform(Index num_experts, double mean_k, Index batch) {
  const auto experts = static_cast<double>(num_experts);
  return experts * (1.0 - std::pow(1.0 - mean_k / experts, static_cast<double>(batch)));
}

double distinct_mixed(const KeptTokens& tokens, Index batch, const MixedDraw& draw) {
  const auto sequences = tokens.sequences();
  std::vector<std::size_t> order(sequences.size());
  std::vector<std::uint64_t> set(static_cast<std::size_t>(tokens.num_experts()) / kWordBits + 1);
  std::uint64_t sum = 0;
  const RandomKey key{.seed = draw.seed, .stream = Stream::trace_mix, .layer = draw.layer};
  for (int d = 0; d < draw.draws; ++d) {
    RandomSequence random(key, static_cast<std::uint64_t>(batch) << 32U | static_cast<std::uint64_t>(d));
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::fill(set.begin(), set.end(), 0);
    std::size_t turn = 0;
    for (Index i = 0; i < batch; ++i, turn = (turn + 1) % order.size()) {
      const auto left = static_cast<std::uint32_t>(order.size() - turn);
      std::swap(order[turn], order[turn + random.next_below(left)]);  // Fisher and Yates, as far as needed
      const auto [from, to] = sequences[order[turn]];
      put(set, tokens.choices(from + random.next_below(static_cast<std::uint32_t>(to - from))));
    }
    sum += size_of(set);
  }
  return static_cast<double>(sum) / static_cast<double>(draw.draws);
}

std::vector<DistinctExperts> summarise_distinct(const DistinctCounts& counts, const KeptTokens& tokens,
                                                const LayerLoad& load, const MixedDraw& draw) {
  std::vector<DistinctExperts> table;
  const std::vector<double> q = popularity(load);
  const bool mixed = tokens.sequences().size() > 1;
  for (int d = 0; d <= kBatchDoublings; ++d) {
    const Index batch = Index{1} << d;
    DistinctExperts row{.batch = batch,
                        .windows = counts.windows(d),
                        .neighbours = counts.mean(d),
                        .popularity = distinct_by_popularity(q, batch),
                        .uniform = distinct_uniform(load.num_experts(), load.mean_k(), batch)};
    if (mixed && batch <= tokens.num_tokens()) {
      row.draws = static_cast<std::uint64_t>(draw.draws);
      row.mixed = distinct_mixed(tokens, batch, draw);
    }
    table.push_back(row);
  }
  return table;
}

}  // namespace moesim
