// Soft mixture of experts: nobody chooses. Every expert has slots; a slot's input is a mixture of all tokens
// and a token's output one of all slots (Puigcerver et al. 2023, arXiv:2308.00951, equations 1 to 3;
// google-research/vmoe, vmoe/projects/soft_moe/router.py; lucidrains/soft-moe-pytorch). From logits [T,S], S
// = E·slots_per_expert,
//
//   dispatch[t,s] = exp(z[t,s]) / Σ_t' exp(z[t',s]),   combine[t,s] = exp(z[t,s]) / Σ_s' exp(z[t,s']).
//
// Both sums are made in double, less the largest logit. The implementations multiply normalised tokens with
// normalised slots, by a learned scale that starts at 1: that is logit: cosine.

#include <cmath>
#include <limits>

#include "router/column_parts.h"
#include "router/gate.h"
#include "router/score.h"
#include "router/variants.h"

namespace moesim {
namespace {

struct SoftParams : GateParams {
  std::int64_t slots_per_expert = 1;
};

void describe(Fields<SoftParams>& f) {
  describe_gate(f);
  f.add("slots_per_expert", &SoftParams::slots_per_expert)
      .range(1, 65536)
      .doc("mixtures of tokens that each expert computes");
}

class Soft final : public Router {
 public:
  Soft(const SoftParams& params, Index num_experts) : Router(num_experts), params_(params) {}

  RouterTraits traits() const override {
    RouterTraits traits;
    traits.choice = Choice::soft;
    traits.exact_k = false;
    traits.causal = false;
    traits.row_local = false;
    traits.normalised = true;
    traits.takes_capacity = false;
    return traits;
  }

  Index num_logits() const override { return num_experts() * params_.slots_per_expert; }
  GateRule gate_rule() const override { return params_.rule(); }

 private:
  Routing do_route(const RouterInput& input) const override {
    const Index num_tokens = input.batch.num_tokens();
    SoftMix mix{num_experts(), Matrix(num_tokens, num_logits()), Matrix(num_tokens, num_logits())};
    for_each_row_block(input.context, num_tokens, [&](Index first, Index last) {
      for (Index t = first; t < last; ++t) {
        score_row(ScoreFunc::softmax, input.logits.row(t), mix.combine.row(t));
      }
    });
    softmax_over_tokens(input, mix.dispatch);
    return mix;
  }

  static void softmax_over_tokens(const RouterInput& input, Matrix& dispatch) {
    const MatrixView logits = input.logits;
    ColumnParts parts(dispatch.rows(), dispatch.cols());
    std::vector<double> highest;
    for_each_row_block(input.context, dispatch.rows(), [&](Index first, Index last) {
      const std::span<double> part = parts.of_block(first);
      std::fill(part.begin(), part.end(), -std::numeric_limits<double>::infinity());
      for (Index t = first; t < last; ++t) {
        for (std::size_t s = 0; s < part.size(); ++s) {
          part[s] = std::max(part[s], static_cast<double>(logits.row(t)[s]));
        }
      }
    });
    parts.collect(-std::numeric_limits<double>::infinity(), highest,
                  [](double a, double b) { return std::max(a, b); });
    std::vector<double> sums;
    for_each_row_block(input.context, dispatch.rows(), [&](Index first, Index last) {
      const std::span<double> part = parts.of_block(first);
      std::fill(part.begin(), part.end(), 0.0);
      for (Index t = first; t < last; ++t) {
        for (std::size_t s = 0; s < part.size(); ++s) {
          dispatch.row(t)[s] = std::exp(logits.row(t)[s] - static_cast<float>(highest[s]));
          part[s] += dispatch.row(t)[s];
        }
      }
    });
    parts.collect(0.0, sums, [](double a, double b) { return a + b; });
    for_each_row_block(input.context, dispatch.rows(), [&](Index first, Index last) {
      for (Index t = first; t < last; ++t) {
        for (std::size_t s = 0; s < sums.size(); ++s) {
          dispatch.row(t)[s] = static_cast<float>(dispatch.row(t)[s] / sums[s]);
        }
      }
    });
  }

  SoftParams params_;
};

std::unique_ptr<Router> make_soft(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  SoftParams params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  return std::make_unique<Soft>(params, shape.num_experts);
}

}  // namespace

RouterFamily router_soft() {
  return {.name = "soft",
          .summary = "every expert computes mixtures of all tokens; nobody chooses",
          .origin = "Puigcerver et al. 2023, arXiv:2308.00951, equations 1 to 3; google-research/vmoe",
          .fields = [] { return fields_of<SoftParams>().infos(); },
          .make = make_soft};
}

}  // namespace moesim
