// Lepikhin et al. 2020 (arXiv:2006.16668, algorithm 1: random); tensorflow/lingvo,
// lingvo/core/gshard_layers.py (all, threshold, random, sampling); tensorflow/mesh,
// mesh_tensorflow/transformer/moe.py (all, none, threshold, random); facebookresearch/fairscale,
// fairscale/nn/moe/top2gate.py and DeepSpeed's sharded_moe.py (gumbel).

#include "router/second.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace moesim {
namespace {

constexpr EnumName<SecondPolicy> kPolicies[] = {{SecondPolicy::all, "all"},
                                                {SecondPolicy::none, "none"},
                                                {SecondPolicy::threshold, "threshold"},
                                                {SecondPolicy::random, "random"},
                                                {SecondPolicy::sampling, "sampling"},
                                                {SecondPolicy::gumbel, "gumbel"}};

constexpr double kLeastThreshold = 1e-9;

// By the scores' running sum in double; the last expert with a positive score where rounding passes the end.
std::int32_t sampled(std::span<const float> scores, std::int32_t first, RandomSequence& sequence) {
  double sum = 0.0;
  for (std::size_t e = 0; e < scores.size(); ++e) {
    sum += static_cast<std::int32_t>(e) == first ? 0.0 : scores[e];
  }
  const double wanted = sequence.next_uniform() * sum;
  double passed = 0.0;
  std::int32_t last = first == 0 ? 1 : 0;
  for (std::size_t e = 0; e < scores.size(); ++e) {
    if (static_cast<std::int32_t>(e) == first || scores[e] <= 0.0F) {
      continue;
    }
    last = static_cast<std::int32_t>(e);
    passed += scores[e];
    if (passed > wanted) {
      break;
    }
  }
  return last;
}

std::int32_t best_with_gumbel(std::span<const float> logits, std::int32_t first, RandomSequence& sequence) {
  double best = -std::numeric_limits<double>::infinity();
  std::int32_t second = first == 0 ? 1 : 0;
  for (std::size_t e = 0; e < logits.size(); ++e) {
    const double noisy = logits[e] - std::log(-std::log(sequence.next_open_uniform()));
    if (static_cast<std::int32_t>(e) != first && noisy > best) {
      best = noisy;
      second = static_cast<std::int32_t>(e);
    }
  }
  return second;
}

}  // namespace

std::span<const EnumName<SecondPolicy>> enum_names(SecondPolicy) {
  return kPolicies;
}

bool second_is_asked(SecondPolicy policy, double threshold, double weight, RandomSequence& sequence) {
  switch (policy) {
    case SecondPolicy::all:
    case SecondPolicy::sampling:
    case SecondPolicy::gumbel:
      return true;
    case SecondPolicy::none:
      return false;
    case SecondPolicy::threshold:
      return weight > threshold;
    case SecondPolicy::random:
      return sequence.next_uniform() < weight / std::max(threshold, kLeastThreshold);
  }
  throw_internal(__FILE__, __LINE__, "an unknown policy");
}

std::int32_t drawn_second(SecondPolicy policy, const OtherExperts& others, RandomSequence& sequence) {
  return policy == SecondPolicy::sampling ? sampled(others.scores, others.first, sequence)
                                          : best_with_gumbel(others.logits, others.first, sequence);
}

}  // namespace moesim
