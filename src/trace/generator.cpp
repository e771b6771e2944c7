#include "trace/generator.h"

#include <algorithm>
#include <cmath>

#include "router/persistent_draw.h"
#include "trace/affinity_draw.h"
#include "trace/distinct.h"
#include "trace/marginal.h"
#include "trace/repetition.h"

namespace moesim {
namespace {

constexpr double kStrengths[] = {0.25, 0.5, 0.75, 1.0};
constexpr Index kMostExpertsForPairs = 512;

// What recording and imitation are compared by.
struct Measured {
  LayerLoad load;
  PairCounts pairs;
  DistinctCounts distinct;
  double shared = 0;
};

Measured measure(const ChoiceBlock& block, Index num_experts) {
  Measured measured;
  measured.load.add(block);
  measured.load.widen(num_experts);
  if (num_experts <= kMostExpertsForPairs) {
    CoactivationCounts pairs;
    pairs.add(block);
    measured.pairs = std::move(pairs.all);
    measured.pairs.widen(num_experts);
  }
  measured.distinct.add(block);
  RepetitionCounts repetition;
  repetition.add(block, false);
  measured.shared = summarise_repetition(repetition, measured.load).shared_experts.observed;
  return measured;
}

ChoiceBlock first_tokens(const KeptTokens& tokens, Index most) {
  ChoiceBlock block;
  block.begin = {0};
  // Sequences get numbers of their own, so that a gap in the recording is one here too.
  std::uint32_t sequence = 0;
  for (Index t = 0; t < std::min(most, tokens.num_tokens()); ++t) {
    sequence += t > 0 && !tokens.continues(t) ? 1 : 0;
    const auto choices = tokens.choices(t);
    block.expert.insert(block.expert.end(), choices.begin(), choices.end());
    block.begin.push_back(static_cast<std::uint32_t>(block.expert.size()));
    block.sequence.push_back(sequence);
  }
  return block;
}

// Tokens of the recording's sequences, each with the experts that `choose` gives it.
template <class Choose>
ChoiceBlock imitate(const ChoiceBlock& recorded, Index top_k, Choose choose) {
  ChoiceBlock block;
  block.begin = {0};
  block.sequence = recorded.sequence;
  const auto k = static_cast<std::size_t>(top_k);
  const std::size_t tokens = recorded.sequence.size();
  block.expert.resize(tokens * k);
  std::uint64_t position = 0;
  for (std::size_t t = 0; t < tokens; ++t) {
    position = t > 0 && block.sequence[t] == block.sequence[t - 1] ? position + 1 : 0;
    const std::span<std::int32_t> chosen(block.expert.data() + t * k, k);
    choose(PersistentDraw::Place{.token = t, .position = position},
           position > 0 ? std::span<const std::int32_t>(chosen.data() - k, k) : chosen.first(0), chosen);
    block.begin.push_back(static_cast<std::uint32_t>((t + 1) * k));
  }
  return block;
}

using Choices = std::span<const std::int32_t>;

ChoiceBlock imitate(const ChoiceBlock& recorded, const DrawLaw& law, Index top_k, RandomKey key) {
  PersistentDraw draw(law, key);
  return imitate(recorded, top_k,
                 [&](PersistentDraw::Place place, Choices /*previous*/, std::span<std::int32_t> chosen) {
                   draw.draw(place, chosen);
                 });
}

ChoiceBlock imitate(const ChoiceBlock& recorded, const AffinityLaw& law, Index top_k, RandomKey key) {
  return imitate(recorded, top_k,
                 [&](PersistentDraw::Place place, Choices previous, std::span<std::int32_t> chosen) {
                   draw_with_affinity(law, previous, RandomSequence(key, place.token), chosen);
                 });
}

double pairs_between(const PairCounts& a, const PairCounts& b) {
  const auto total_a = static_cast<double>(std::max<std::uint64_t>(1, a.total()));
  const auto total_b = static_cast<double>(std::max<std::uint64_t>(1, b.total()));
  double sum = 0;
  for (Index j = 1; j < a.num_experts(); ++j) {
    for (Index i = 0; i < j; ++i) {
      sum += std::abs(static_cast<double>(a.count(i, j)) / total_a -
                      static_cast<double>(b.count(i, j)) / total_b);
    }
  }
  return 0.5 * sum;
}

double max_over_mean(const Counts& counts) {
  return 1.0 + load_stats(counts).max_violation;
}

}  // namespace

std::vector<float> affinity_of(const PairCounts& pairs, const LayerLoad& load, double strength) {
  const Index experts = load.num_experts();
  const std::vector<double> p = shares(load.count);
  double same = 0;
  for (const double share : p) {
    same += share * share;
  }
  std::vector<float> affinity(static_cast<std::size_t>(experts * experts));
  const auto all = static_cast<double>(pairs.total());
  for (Index b = 1; b < experts && same < 1.0; ++b) {
    for (Index a = 0; a < b; ++a) {
      const double chance =
          all * 2.0 * p[static_cast<std::size_t>(a)] * p[static_cast<std::size_t>(b)] / (1.0 - same);
      const double lift = (static_cast<double>(pairs.count(a, b)) + 0.5) / (chance + 0.5);
      const auto value = static_cast<float>(strength * std::log(lift));
      affinity[static_cast<std::size_t>(a * experts + b)] = value;
      affinity[static_cast<std::size_t>(b * experts + a)] = value;
    }
  }
  return affinity;
}

GeneratorFit fit_generator(const KeptTokens& tokens, const GeneratorOptions& options) {
  GeneratorFit fit;
  if (tokens.num_tokens() < 2 || tokens.all_choices().empty()) {
    return fit;
  }
  const ChoiceBlock recorded = first_tokens(tokens, options.most_tokens);
  const Index experts = tokens.num_experts();
  const Measured found = measure(recorded, experts);
  fit.shares = shares(found.load.count);
  const auto chosen =
      static_cast<Index>(std::count_if(fit.shares.begin(), fit.shares.end(), [](double s) { return s > 0; }));
  fit.top_k = std::clamp<Index>(std::llround(found.load.mean_k()), 1, std::max<Index>(1, chosen));
  fit.tokens = found.load.tokens;
  const RandomKey key{.seed = options.seed, .stream = Stream::trace_generator, .layer = options.layer};
  DrawLaw law{.inclusion = inclusions_of(fit.shares, fit.top_k)};
  law.persistence = fit.persistence = persistence_for(found.shared, law.inclusion);
  const Measured made = measure(imitate(recorded, law, fit.top_k, key), experts);
  fit.pairs_misfit = fit.pairs_misfit_with_affinity = pairs_between(found.pairs, made.pairs);
  AffinityLaw affine{.odds = odds_of(law.inclusion), .staying = staying_for(found.shared, law.inclusion)};
  for (const double strength : kStrengths) {
    if (fit.top_k < 2 || experts > kMostExpertsForPairs) {
      break;
    }
    affine.affinity = affinity_of(found.pairs, found.load, strength);
    const Measured with = measure(imitate(recorded, affine, fit.top_k, key), experts);
    const double misfit = pairs_between(found.pairs, with.pairs);
    if (misfit >= fit.pairs_misfit_with_affinity) {
      break;
    }
    fit.pairs_misfit_with_affinity = misfit;
    fit.affinity = strength;
  }
  fit.misfit = total_variation(fit.shares, shares(made.load.count));
  fit.max_over_mean = {max_over_mean(found.load.count), max_over_mean(made.load.count)};
  fit.shared_experts = {found.shared, made.shared};
  for (int d = 0; d <= kBatchDoublings; ++d) {
    if (found.distinct.windows(d) > 0) {
      fit.distinct.push_back({Index{1} << d, {found.distinct.mean(d), made.distinct.mean(d)}});
    }
  }
  return fit;
}

}  // namespace moesim
