#pragma once
// The value a router makes: who goes where, with what weight. Everything after the router reads it.

#include <cstdint>
#include <variant>
#include <vector>

#include "core/matrix.h"

namespace moesim {

// What the weight multiplies: the expert's output (nearly all routers) or its input.
enum class WeightOn { output, input };

// Hard routing, by token in compressed rows: token t's assignments are [begin[t], begin[t+1]). Any number of
// experts per token. Within a token: selection order, best selection score first (ties: lowest expert first).
struct Assignments {
  Index num_experts = 0;
  std::vector<Index> begin;              // [T+1]
  std::vector<std::int32_t> expert;      // [N]
  std::vector<float> weight;             // [N] multiplies the expert's output or input
  std::vector<float> score;              // [N] the unbiased score the weight was made from
  std::vector<float> pass_through = {};  // [T] what of the token's own row joins the output; empty: nothing
  WeightOn weight_on = WeightOn::output;
  Index tied = 0;  // choices that fell to the lowest index among equals

  Index num_tokens() const { return begin.empty() ? 0 : static_cast<Index>(begin.size()) - 1; }
  Index size() const { return static_cast<Index>(expert.size()); }
};

// Soft routing: slot inputs = dispatchᵀ·x, outputs = combine·slot outputs. Expert e owns slots
// [e·S/E, (e+1)·S/E).
struct SoftMix {
  Index num_experts = 0;
  Matrix dispatch;  // [T,S]
  Matrix combine;   // [T,S]
};

using Routing = std::variant<Assignments, SoftMix>;

}  // namespace moesim
