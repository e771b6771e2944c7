#pragma once
// What becomes of a token's second expert in top-2 routers of the GShard family. The first is always the
// best; the policies differ in who is second and whether it is asked at all.

#include <span>

#include "config/fields.h"
#include "core/random.h"
#include "router/routing.h"

namespace moesim {

enum class SecondPolicy {
  all,        // the second best, always
  none,       // nobody: the first alone
  threshold,  // the second best, if its weight is above second_threshold
  random,     // the second best, with probability weight / max(second_threshold, 1e-9), at most 1
  sampling,   // drawn from the scores of the others, by its probability
  gumbel,     // the best of the others by logit + Gumbel noise: the same law as sampling, for softmax scores
};

std::span<const EnumName<SecondPolicy>> enum_names(SecondPolicy);

// Whether a second expert of this weight is asked, for the policies that look at the weight.
bool second_is_asked(SecondPolicy policy, double threshold, double weight, RandomSequence& sequence);

struct OtherExperts {
  std::span<const float> scores;  // [E]
  std::span<const float> logits;  // [E]
  std::int32_t first = 0;         // the expert that is taken already
};

// The second expert of the two policies that draw it; E >= 2.
std::int32_t drawn_second(SecondPolicy policy, const OtherExperts& others, RandomSequence& sequence);

}  // namespace moesim
