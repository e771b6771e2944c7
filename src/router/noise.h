#pragma once
// The noise stage: numbers added to a token's logits, keyed by the token's place in the stream, so that any
// cut of the stream into batches draws the same.

#include <span>
#include <vector>

#include "config/fields.h"
#include "core/matrix.h"
#include "core/random.h"

namespace moesim {

enum class Noise {
  none,
  gaussian,          // N(0, scale²); V-MoE takes scale 1/E (arXiv:2106.05974, google-research/vmoe)
  gaussian_learned,  // N(0,1)·(softplus(x·W_n) + 0.01)·scale (Shazeer et al. 2017, arXiv:1701.06538, eq. 4)
  gumbel,   // −ln(−ln U)·scale, U uniform in (0,1): choosing the best is then sampling by softmax
  uniform,  // U[1−scale, 1+scale) (laekov/fastmoe, fmoe/gates/switch_gate.py)
  replace,  // N(0, scale²) + a fixed number per expert in the place of the logits (Megatron-LM,
            // moe_router_force_load_balancing and …_force_biased, core/transformer/moe/moe_utils.py)
};

// What sees the noisy logits: scores and so weights, or the selection alone.
enum class NoiseFor { scores, selection };

std::span<const EnumName<Noise>> enum_names(Noise);
std::span<const EnumName<NoiseFor>> enum_names(NoiseFor);

// The scale that `auto` stands for: 1/E, 1, 1 and 0.1 in the order above.
double natural_noise_scale(Noise noise, Index num_experts);

struct NoiseRule {
  Noise noise = Noise::none;
  double scale = 1.0;
  std::span<const float> skew = {};  // [E] of replace, or empty
};

// What replace adds to an expert's numbers everywhere: N(0, deviation²) for each expert of a layer.
std::vector<float> expert_skew(RandomKey key, double deviation, Index num_experts);

struct NoisePlace {
  RandomKey key;            // stream router_noise
  std::uint64_t token = 0;  // in the workload's stream
};

// noisy [E] = logits [E] + noise; `deviation` [E] is what gaussian_learned multiplies with, else empty.
void add_noise(const NoiseRule& rule, const NoisePlace& place, std::span<const float> deviation,
               std::span<const float> logits, std::span<float> noisy);

}  // namespace moesim
