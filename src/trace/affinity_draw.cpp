#include "trace/affinity_draw.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moesim {
namespace {

// One candidate for a place. Larger keys are better: ln odds − logit U.
struct Candidate {
  double key = 0;
  bool stays = false;
  std::int32_t expert = 0;
};

bool better(const Candidate& a, const Candidate& b) {
  return a.key != b.key ? a.key > b.key : a.expert < b.expert;
}

bool served_before(const Candidate& a, const Candidate& b) {
  return a.stays != b.stays ? a.stays : better(a, b);
}

void add_affinity(const AffinityLaw& law, const Candidate first, std::span<Candidate> candidates) {
  const auto row = static_cast<std::size_t>(first.expert) * law.odds.size();
  for (std::size_t e = 0; e < candidates.size(); ++e) {
    if (candidates[e].expert != first.expert && !candidates[e].stays) {
      candidates[e].key += law.affinity[row + e];
    }
  }
}

double expected_overlap(std::span<const double> inclusion, double staying) {
  double sum = 0;
  for (const double q : inclusion) {
    const double stays = staying * q;
    const double drawn = stays >= 1.0 ? 1.0 : q * (1.0 - staying) / (1.0 - stays);
    sum += q * (staying + (1.0 - staying) * drawn);
  }
  return sum;
}

}  // namespace

std::vector<double> odds_of(std::span<const double> inclusion) {
  std::vector<double> odds;
  for (const double share : inclusion) {
    odds.push_back(share >= 1.0 ? std::numeric_limits<double>::infinity() : share / (1.0 - share));
  }
  return odds;
}

void draw_with_affinity(const AffinityLaw& law, std::span<const std::int32_t> previous, RandomSequence random,
                        std::span<std::int32_t> chosen) {
  std::vector<Candidate> candidates(law.odds.size());
  for (const std::int32_t expert : previous) {
    candidates[static_cast<std::size_t>(expert)].stays = random.next_uniform() < law.staying;
  }
  for (std::size_t e = 0; e < candidates.size(); ++e) {
    const double u = random.next_open_uniform();
    candidates[e].key = std::log(law.odds[e]) - std::log(u / (1.0 - u));
    candidates[e].expert = static_cast<std::int32_t>(e);
  }
  const auto places = static_cast<std::ptrdiff_t>(chosen.size());
  if (!law.affinity.empty()) {
    add_affinity(law, *std::min_element(candidates.begin(), candidates.end(), served_before), candidates);
  }
  std::partial_sort(candidates.begin(), candidates.begin() + places, candidates.end(), served_before);
  std::sort(candidates.begin(), candidates.begin() + places, better);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    chosen[i] = candidates[i].expert;
  }
}

double staying_for(double overlap, std::span<const double> inclusion) {
  if (overlap <= expected_overlap(inclusion, 0.0)) {
    return 0.0;
  }
  double low = 0;
  double high = 1;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (expected_overlap(inclusion, middle) < overlap ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace moesim
