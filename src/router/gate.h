#pragma once
// The scorer: hidden states → logits, in two stages (input transform, logit). Seeded weights N(0, 1/D), so
// that logits of RMS-normalised rows are about N(0, 1).

#include <span>
#include <vector>

#include "config/fields.h"
#include "core/matrix.h"
#include "core/parallel.h"
#include "core/random.h"

namespace moesim {

enum class InputTransform {
  none,
  rms_norm,  // x / sqrt(mean(x²) + 1e-6) (Gemma 4, whose learned scale and factor D^-½ belong to W here)
  l2,        // x / max(|x|, 1e-12)
};

enum class Logit {
  linear,       // W·x
  linear_bias,  // W·x + b (gpt-oss, fastmoe)
  cosine,    // cos(P·x, W_e)·logit_scale; P the optional projection to gate_dim (X-MoE, arXiv:2204.09179;
             // microsoft/tutel, tutel/gates/cosine_top.py, whose projection has a bias too)
  mlp_tanh,  // W·tanh(P·x), P [gate_dim,D] (MoE++, arXiv:2410.07348)
};

std::span<const EnumName<InputTransform>> enum_names(InputTransform);
std::span<const EnumName<Logit>> enum_names(Logit);

struct GateRule {
  Logit logit = Logit::linear;
  InputTransform input_transform = InputTransform::none;
  double jitter_eps = 0.0;     // every number of x times U[1−ε, 1+ε), before the transform (Switch)
  std::int64_t gate_dim = 0;   // 0: no projection (cosine), 8·E (mlp_tanh, as in MoE++)
  double logit_scale = 1.0;    // multiplies cosines
  bool learned_noise = false;  // also makes the deviation softplus(x·W_n) + 0.01 of the logits' noise
};

struct Gate {
  GateRule rule;
  Matrix weight;                   // [E,D], or [E,gate_dim] behind a projection
  Matrix projection;               // [gate_dim,D], or empty
  Matrix noise_weight;             // [E,D], or empty
  std::vector<float> bias;         // [E], or empty
  std::vector<float> weight_norm;  // [E] lengths of the rows of `weight`, where logits are cosines

  std::uint64_t num_params() const;
};

// Biases are seeded N(0, 0.02²), as in gpt-oss-style gates.
Gate make_gate(std::uint64_t seed, std::uint32_t layer, Index num_logits, Index d_model,
               const GateRule& rule);

struct GateShape {
  Index num_logits = 0;  // E, or slots
  Index d_model = 0;     // D
};
// Columns of the weight: d_model, or the width it is projected to first. Rows of the projection, or 0.
Index gate_width(const GateRule& rule, const GateShape& shape);
Index projection_rows(const GateRule& rule, const GateShape& shape);

// The same with given weights [E,width]; what the rule needs besides is as in make_gate. Throws
// Error(internal) when the width does not fit the rule.
Gate make_gate_of(Matrix weight, std::uint64_t seed, Index d_model, const GateRule& rule);

struct GateInput {
  MatrixView hidden;  // [T,D]
  std::uint64_t seed = 0;
  std::uint32_t layer = 0;
  std::uint64_t first_token = 0;  // place of row 0 in the stream: of the jitter alone
};
struct GateOutput {
  MutableMatrixView logits;           // [T,E]
  MutableMatrixView noise_deviation;  // [T,E] with learned noise, else no rows
};

// Rows that are multiplied together; the last tile of a batch is filled up with zeros.
inline constexpr Index kGateTileRows = 32;

// By fixed tiles of rows: a row's logits have the same bits whatever rows share its batch, on any number of
// threads.
void gate_logits(const Gate& gate, const GateInput& input, const GateOutput& output, const Context& context);

// The keys of the `router:` section that make the rule; Params of families are derived from it.
struct GateParams {
  Logit logit = Logit::linear;
  InputTransform input_transform = InputTransform::none;
  double jitter_eps = 0.0;
  std::int64_t gate_dim = 0;
  double logit_scale = 1.0;

  GateRule rule() const {
    return {.logit = logit,
            .input_transform = input_transform,
            .jitter_eps = jitter_eps,
            .gate_dim = gate_dim,
            .logit_scale = logit_scale};
  }
};

template <class Params>
void describe_gate(Fields<Params>& f) {
  f.template add<InputTransform>("input_transform", &Params::input_transform)
      .doc("what the gate sees of a token's vector");
  f.template add<double>("jitter_eps", &Params::jitter_eps)
      .range(0.0, 0.99)
      .doc("the vector's numbers are multiplied with U[1-eps, 1+eps) first, as in training");
  f.template add<Logit>("logit", &Params::logit)
      .doc("how the gate makes logits: linear, with a bias of its own, cosines, or a layer with tanh before");
  f.template add<std::int64_t>("gate_dim", &Params::gate_dim)
      .range(1, 65536)
      .word("none", 0)
      .only_when([](const Params& p) { return p.logit == Logit::cosine || p.logit == Logit::mlp_tanh; },
                 "router.logit is neither cosine nor mlp_tanh")
      .doc(
          "width the vector is projected to first; none: no projection (cosine), 8 x num_experts (mlp_tanh)");
  f.template add<double>("logit_scale", &Params::logit_scale)
      .range(1e-6, 1e6)
      .only_when([](const Params& p) { return p.logit == Logit::cosine; }, "router.logit is not cosine")
      .doc("multiplies the cosines: one over the temperature");
}

}  // namespace moesim
