#pragma once
// Private to this room: expert choice in which no token is taken by more than m experts (Zhou et al. 2022,
// arXiv:2202.09368, section 3.3): A [E,T] that maximises
//
//   Σ A·S + λ·Σ −A·ln A   with   Σ_t A[e,t] = C,   Σ_e A[e,t] <= m,   0 <= A[e,t] <= 1,
//
// by Dykstra's alternating projections onto the three constraints, and then every expert's C largest of A. In
// logarithms, with s = S/λ: ln A = min(0, s + a[e] + b[t]), where a sweep makes, from the last one's a' and
// b',
//
//   a[e] = ln C − ln Σ_t exp(min(s + b', −a')),   b[t] = min(0, ln m − ln Σ_e exp(a + min(s, −(a' + b')))).
//
// The paper's λ = 0.001 and 100 sweeps do not converge (tests): a quarter of the tokens can be above the cap.
// So the largest of A are only a first choice here. A token that too many experts took stays with the m of
// the largest A; then, in order of their index, experts that lost tokens take their next largest ones that
// have room, and where they have all of those already, another expert gives one up for one that has room.
// Once the sweeps converge this changes nothing. Where A is 1, s + a[e] + b[t] decides; ties go to the lowest
// expert and the lowest token.

#include "router/expert_side.h"

namespace moesim {

struct CappedChoice {
  Index per_expert = 0;  // C, at most T
  Index per_token = 1;   // m
  double lambda = 0.001;
  Index sweeps = 100;
};

// scores S [E,T]. No token is taken more than m times; every expert takes C tokens, or, where E·C > m·T, as
// many are taken as there is room for.
TakenTokens take_best_capped(const Matrix& scores, const CappedChoice& choice, const Context& context);

}  // namespace moesim
