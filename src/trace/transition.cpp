#include "trace/transition.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

namespace moesim {
namespace {

using Pair = std::pair<std::int32_t, std::int32_t>;

// The most frequent second of each first, and of all; ties to the lowest expert.
struct Guesses {
  std::map<std::int32_t, std::int32_t> by_first = {};
  std::int32_t of_all = -1;
};

std::int32_t most_frequent(std::vector<std::int32_t> experts) {
  std::sort(experts.begin(), experts.end());
  std::int32_t best = -1;
  std::size_t most = 0;
  for (std::size_t i = 0; i < experts.size();) {
    std::size_t end = i;
    while (end < experts.size() && experts[end] == experts[i]) {
      ++end;
    }
    if (end - i > most) {
      most = end - i;
      best = experts[i];
    }
    i = end;
  }
  return best;
}

Guesses learn(std::span<const Pair> pairs) {
  std::map<std::int32_t, std::vector<std::int32_t>> seconds;
  std::vector<std::int32_t> all;
  for (const auto& [first, second] : pairs) {
    seconds[first].push_back(second);
    all.push_back(second);
  }
  Guesses guesses{.of_all = most_frequent(std::move(all))};
  for (auto& [first, of_first] : seconds) {
    guesses.by_first[first] = most_frequent(std::move(of_first));
  }
  return guesses;
}

// Shares of right guesses: knowing the first choice, and by popularity.
std::pair<double, double> score(const Guesses& guesses, std::span<const Pair> pairs) {
  std::uint64_t right = 0;
  std::uint64_t popular = 0;
  for (const auto& [first, second] : pairs) {
    const auto known = guesses.by_first.find(first);
    right += (known == guesses.by_first.end() ? guesses.of_all : known->second) == second ? 1 : 0;
    popular += guesses.of_all == second ? 1 : 0;
  }
  const double all = std::max(1.0, static_cast<double>(pairs.size()));
  return {static_cast<double>(right) / all, static_cast<double>(popular) / all};
}

}  // namespace

Transition summarise_transition(const KeptTokens& from, const KeptTokens& to) {
  std::vector<Pair> pairs;
  for (Index i = 0, j = 0; i < from.num_tokens() && j < to.num_tokens();) {
    if (from.place(i) == to.place(j)) {
      if (!from.choices(i).empty() && !to.choices(j).empty()) {
        pairs.emplace_back(from.choices(i).front(), to.choices(j).front());
      }
      ++i, ++j;
    } else {
      from.place(i) < to.place(j) ? ++i : ++j;
    }
  }
  Transition transition{.tokens = pairs.size()};
  const std::span<const Pair> all(pairs);
  std::tie(transition.in_sample, transition.popularity) = score(learn(all), all);
  const auto learned = all.first(all.size() / 2);
  const auto scored = all.subspan(all.size() / 2);
  std::tie(transition.held_out, transition.popularity_held_out) = score(learn(learned), scored);
  return transition;
}

}  // namespace moesim
