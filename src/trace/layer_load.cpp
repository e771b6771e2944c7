#include "trace/layer_load.h"

#include "trace/neighbours.h"

namespace moesim {
namespace {

void add_to(Counts& sum, const Counts& more) {
  sum.resize(std::max(sum.size(), more.size()));
  for (std::size_t i = 0; i < more.size(); ++i) {
    sum[i] += more[i];
  }
}

}  // namespace

void LayerLoad::widen(Index num_experts) {
  const auto size = std::max(count.size(), static_cast<std::size_t>(num_experts));
  count.resize(size);
  first.resize(size);
}

void LayerLoad::add(const ChoiceBlock& block) {
  std::int32_t largest = -1;
  for (const std::int32_t expert : block.expert) {
    largest = std::max(largest, expert);
  }
  widen(largest + 1);
  for (const std::int32_t expert : block.expert) {
    ++count[static_cast<std::size_t>(expert)];
  }
  for (Index t = 0; t < block.num_tokens(); ++t) {
    const auto choices = choices_of(block, t);
    if (choices.size() >= tokens_of_k.size()) {
      tokens_of_k.resize(choices.size() + 1);
    }
    ++tokens_of_k[choices.size()];
    if (!choices.empty()) {
      ++first[static_cast<std::size_t>(choices.front())];
    }
  }
  tokens += static_cast<std::uint64_t>(block.num_tokens());
  assignments += block.expert.size();
}

void LayerLoad::add(const std::vector<std::uint64_t>& counts) {
  add_to(count, counts);
  first.resize(count.size());
  for (const std::uint64_t n : counts) {
    assignments += n;
  }
}

void LayerLoad::assume_top_k(Index top_k) {
  const auto k = static_cast<std::uint64_t>(std::max<Index>(1, top_k));
  tokens_of_k.assign(k + 1, 0);
  tokens_of_k[k] = assignments / k;
  tokens_of_k[assignments % k] += assignments % k == 0 ? 0 : 1;
  tokens = assignments / k + (assignments % k == 0 ? 0 : 1);
}

void LayerLoad::merge(const LayerLoad& later) {
  add_to(count, later.count);
  add_to(first, later.first);
  add_to(tokens_of_k, later.tokens_of_k);
  tokens += later.tokens;
  assignments += later.assignments;
}

std::vector<double> popularity(const LayerLoad& load) {
  std::vector<double> q(load.count.size());
  for (std::size_t e = 0; e < q.size() && load.tokens > 0; ++e) {
    q[e] = static_cast<double>(load.count[e]) / static_cast<double>(load.tokens);
  }
  return q;
}

std::vector<double> shares(const Counts& counts) {
  double sum = 0;
  for (const std::uint64_t n : counts) {
    sum += static_cast<double>(n);
  }
  std::vector<double> share(counts.size());
  for (std::size_t e = 0; e < share.size() && sum > 0; ++e) {
    share[e] = static_cast<double>(counts[e]) / sum;
  }
  return share;
}

}  // namespace moesim
