#pragma once
// Private to this room: tokens that go to every expert whose score for them exceeds that expert's threshold.

#include <span>

#include "router/router.h"
#include "router/score.h"

namespace moesim {

// [T,E]
Matrix scores_by_token(ScoreFunc func, const RouterInput& input);

// scores [T,E], thresholds [E]. A token gets 0 to E experts, best score first, ties by the lowest expert;
// weights are the scores. A score that equals its threshold does not exceed it.
Assignments choose_above(const Matrix& scores, std::span<const float> thresholds, const Context& context);

}  // namespace moesim
