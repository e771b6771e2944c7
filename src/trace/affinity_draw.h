#pragma once
// Private to this room: experts drawn so that some pairs come together more often than others. Unlike the
// draw of router/persistent_draw it meets the shares of the experts only nearly.

#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix.h"
#include "core/random.h"

namespace moesim {

// Of one layer.
struct AffinityLaw {
  // q_e/(1 − q_e) of the share q_e of tokens that choose expert e; infinite where all do, 0 where none does.
  std::vector<double> odds;
  double staying = 0;  // in [0, 1]
  // [E,E]: what choosing expert i first adds to the logarithm of the odds of each other expert.
  std::vector<float> affinity = {};
};

std::vector<double> odds_of(std::span<const double> inclusion);

// The experts of one token, best first; `chosen` has their number, `previous` the choices of the token before
// in the same sequence (empty for a first token).
//
// Each expert of `previous` stays with probability `staying`. The other places go to the experts that did not
// stay, with the smallest U/(1 − U) / odds_e, U uniform (Pareto order sampling, Rosén 1997, "On sampling with
// probability proportional to size"). The first of all, among those that stayed if any, multiplies the odds
// of the others by e^affinity before they are drawn. Best first is by the same numbers.
void draw_with_affinity(const AffinityLaw& law, std::span<const std::int32_t> previous, RandomSequence random,
                        std::span<std::int32_t> chosen);

// The probability of staying with which neighbours share so many experts in the mean: Σ_e q_e·(s + (1 −
// s)·d_e), d_e = q_e(1 − s)/(1 − s·q_e). Odds count only relative to each other, so s changes no expert's
// share.
double staying_for(double overlap, std::span<const double> inclusion);

}  // namespace moesim
