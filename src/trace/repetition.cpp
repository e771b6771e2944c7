#include "trace/repetition.h"

#include <algorithm>

namespace moesim {
namespace {

bool overlaps(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
  for (const std::int32_t x : a) {
    if (std::find(b.begin(), b.end(), x) != b.end()) {
      return true;
    }
  }
  return false;
}

std::span<const std::int32_t> first_two(std::span<const std::int32_t> choices) {
  return choices.first(std::min<std::size_t>(2, choices.size()));
}

}  // namespace

void RepetitionCounts::forget_pairs() {
  pairs_ = false;
  first_two_ = {};
}

void RepetitionCounts::add(const ChoiceBlock& block, bool with_pairs) {
  if (!with_pairs && pairs_) {
    forget_pairs();
  }
  std::int32_t largest = -1;
  for (const std::int32_t expert : block.expert) {
    largest = std::max(largest, expert);
  }
  first_two_.widen(pairs_ ? largest + 1 : 0);
  among_two_.resize(std::max(among_two_.size(), static_cast<std::size_t>(largest + 1)));
  std::span<const std::int32_t> previous(previous_);
  for (Index t = 0; t < block.num_tokens(); ++t) {
    const auto choices = choices_of(block, t);
    const auto two = first_two(choices);
    for (const std::int32_t expert : two) {
      ++among_two_[static_cast<std::size_t>(expert)];
    }
    if (two.size() == 2 && pairs_) {
      first_two_.add(two[0], two[1]);
    }
    tokens_ += choices.empty() ? 0 : 1;
    if (neighbours_.continues(block, t) && !choices.empty() && !previous.empty()) {
      ++neighbouring_;
      const auto two_before = first_two(previous);
      same_first_ += choices.front() == previous.front() ? 1 : 0;
      overlap_two_ += overlaps(two, two_before) ? 1 : 0;
      ++of_size_[two_before.size()][two.size()];
      k_products_ += choices.size() * previous.size();
      for (const std::int32_t expert : choices) {
        shared_ += std::find(previous.begin(), previous.end(), expert) != previous.end() ? 1 : 0;
      }
    }
    previous = choices;
  }
  if (block.num_tokens() > 0) {
    previous_.assign(previous.begin(), previous.end());
  }
}

double RepetitionCounts::overlap_by_popularity() const {
  const auto tokens = static_cast<double>(tokens_);
  double disjoint = 0;  // two tokens drawn from all: Σ P({a,b}) · P(neither a nor b)
  std::vector<double> alone(among_two_.size());  // P(the token chose this expert and no other)
  for (std::size_t e = 0; e < alone.size(); ++e) {
    alone[e] = static_cast<double>(among_two_[e]) / tokens;
  }
  const std::vector<double> q2 = alone;
  for (std::size_t b = 1; b < q2.size(); ++b) {
    for (std::size_t a = 0; a < b; ++a) {
      const double both =
          static_cast<double>(first_two_.count(static_cast<Index>(a), static_cast<Index>(b))) / tokens;
      disjoint += both * (1.0 - q2[a] - q2[b] + both);
      alone[a] -= both;
      alone[b] -= both;
    }
  }
  for (std::size_t e = 0; e < alone.size(); ++e) {
    disjoint += std::max(0.0, alone[e]) * (1.0 - q2[e]);
  }
  return std::clamp(1.0 - disjoint, 0.0, 1.0);
}

double chance_of_overlap(Index num_experts, Index i, Index j) {
  double disjoint = 1.0;  // C(E−i, j)/C(E, j), factor by factor
  for (Index place = 0; place < j; ++place) {
    disjoint *= std::max(0.0, static_cast<double>(num_experts - i - place)) /
                static_cast<double>(num_experts - place);
  }
  return 1.0 - disjoint;
}

Repetition summarise_repetition(const RepetitionCounts& counts, const LayerLoad& load) {
  Repetition repetition{.neighbours = counts.neighbouring_};
  if (counts.neighbouring_ == 0 || load.num_experts() == 0) {
    return repetition;
  }
  const auto pairs = static_cast<double>(counts.neighbouring_);
  const auto experts = static_cast<double>(load.num_experts());
  const auto tokens = static_cast<double>(counts.tokens_);

  repetition.same_first.observed = static_cast<double>(counts.same_first_) / pairs;
  repetition.same_first.uniform = 1.0 / experts;
  for (const double share : shares(load.first)) {
    repetition.same_first.popularity += share * share;
  }

  repetition.shared_experts.observed = static_cast<double>(counts.shared_) / pairs;
  repetition.shared_experts.uniform = static_cast<double>(counts.k_products_) / pairs / experts;
  for (const std::uint64_t n : load.count) {
    const double q = static_cast<double>(n) / tokens;
    repetition.shared_experts.popularity += q * q;
  }

  repetition.any_of_two.observed = static_cast<double>(counts.overlap_two_) / pairs;
  repetition.any_of_two.popularity = counts.pairs_ ? counts.overlap_by_popularity() : -1.0;
  for (Index i = 1; i <= 2; ++i) {
    for (Index j = 1; j <= 2; ++j) {
      const auto n = counts.of_size_[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
      if (n > 0) {
        repetition.any_of_two.uniform +=
            static_cast<double>(n) / pairs * chance_of_overlap(load.num_experts(), i, j);
      }
    }
  }
  return repetition;
}

}  // namespace moesim
