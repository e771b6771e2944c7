// load_cv2: CV² of the experts' smooth loads. Counts have no gradient, so an expert's load is the sum over
// tokens of the probability that its logit, with its own noise drawn anew, is among the top_k: Φ((z_i −
// θ)/σ_i) with Φ the Gaussian distribution function (Shazeer et al. 2017, arXiv:1701.06538, appendix A).
//
// The threshold θ is a noisy logit: of the top_k-th best other expert (kth_excluding: tensor2tensor,
// tensor2tensor/utils/expert_utils.py, and fastmoe), or of the top_k-th best of all (kth: V-MoE,
// vmoe/nn/routing.py). Tutel (tutel/impls/losses.py) passes the softmax of the logits where the others have
// the logits, so that a share of 1 is compared with a logit (kth_of_scores). As in all of them the noise is
// held constant and the threshold is not: its gradient goes to the logit of the expert that sets it.

#include <cmath>

#include "balance/cv_squared.h"
#include "balance/factor_loss.h"
#include "balance/loss_variants.h"
#include "core/error.h"

namespace moesim {
namespace {

// Of one (token, expert).
struct Chance {
  double probability = 1;
  double slope = 0;            // of the probability with respect to what is compared with the threshold
  std::int32_t threshold = 0;  // the expert that sets it; meaningless where the slope is 0
};

double noise_of(const LossInput& input, Index token, Index expert) {
  return input.noise_std.size() == 1 ? input.noise_std[0]
                                     : input.noise_std[token * input.num_experts() + expert];
}

// One token's chances of being chosen.
class TokenChances {
 public:
  TokenChances(const LossInput& input, Index token)
      : input_(input),
        token_(token),
        noisy_(row_of(input.noisy_logits, token, input.num_experts())),
        order_(highest(noisy_, input.top_k + 1)),
        in_top_k_(noisy_.size(), false),
        clean_(noisy_.size()) {
    const auto k = std::min(order_.size(), static_cast<std::size_t>(input.top_k));
    for (std::size_t j = 0; j < k; ++j) {
      in_top_k_[order_[j]] = true;
    }
    const std::span<const double> logits = row_of(input.logits, token, input.num_experts());
    if (of_scores()) {
      map_row(ScoreMap::softmax, logits, clean_);
    } else {
      clean_.assign(logits.begin(), logits.end());
    }
  }

  Chance of(Index expert) const {
    const auto k = static_cast<std::size_t>(input_.top_k);
    std::size_t place = std::min(k, order_.size()) - 1;  // of the threshold in the order
    if (input_.choices.load_threshold == LoadThreshold::kth_excluding && in_top_k_[expert]) {
      if (order_.size() <= k) {
        return {};  // fewer than top_k others: always chosen
      }
      place = k;
    }
    const std::int32_t threshold = order_[place];
    const double noise = noise_of(input_, token_, expert);
    const double x = (clean_[expert] - noisy_[threshold]) / noise;
    return {.probability = 0.5 * std::erfc(-x / std::sqrt(2.0)),
            .slope = std::exp(-0.5 * x * x) / (std::sqrt(2 * M_PI) * noise),
            .threshold = threshold};
  }

  void pull_back(const std::vector<double>& upstream, std::span<double> gradient) const {
    std::vector<double> of_clean(upstream.size());
    for (std::size_t e = 0; e < upstream.size(); ++e) {
      const Chance chance = of(static_cast<Index>(e));
      of_clean[e] = upstream[e] * chance.slope;
      gradient[chance.threshold] -= of_clean[e];
    }
    if (of_scores()) {
      pull_back_row(ScoreMap::softmax, {{}, clean_}, of_clean, gradient);
    } else {
      for (std::size_t e = 0; e < upstream.size(); ++e) {
        gradient[e] += of_clean[e];
      }
    }
  }

 private:
  bool of_scores() const { return input_.choices.load_threshold == LoadThreshold::kth_of_scores; }

  const LossInput& input_;
  Index token_;
  std::span<const double> noisy_;
  std::vector<std::int32_t> order_;  // the top_k + 1 best by noisy logit
  std::vector<bool> in_top_k_;
  std::vector<double> clean_;  // [E] what is compared with the threshold
};

Loss load_loss(const LossInput& input) {
  Loss loss;
  loss.gradient.resize(input.logits.size());
  if (input.noisy_logits.empty()) {
    return loss;
  }
  const std::vector<TokenRange> groups = groups_of(input, input.choices.scope);
  for (const TokenRange& group : groups) {
    std::vector<double> loads(static_cast<std::size_t>(input.num_experts()));
    for (Index t = group.first; t < group.last; ++t) {
      const TokenChances chances(input, t);
      for (Index e = 0; e < input.num_experts(); ++e) {
        loads[e] += chances.of(e).probability;
      }
    }
    const CvSquared cv = cv_squared(loads, input.choices.cv);
    const double weight = 1 / static_cast<double>(groups.size());
    loss.value += weight * cv.value;
    const std::vector<double> upstream = scaled(cv.gradient, weight);
    for (Index t = group.first; t < group.last; ++t) {
      TokenChances(input, t).pull_back(upstream, row_of(loss.gradient, t, input.num_experts()));
    }
  }
  return loss;
}

std::string needs_noise(const LossInput& input) {
  return input.noisy_logits.empty() ? "the router adds no Gaussian noise to its logits" : "";
}

}  // namespace

LossEntry loss_load_cv2() {
  return {
      .name = "load_cv2",
      .summary = "equal loads: squared coefficient of variation of the experts' chances of being chosen",
      .formula =
          "CV^2 over experts of sum_t Phi((z_ti - theta_ti)/sigma_ti), theta the noisy logit to exceed "
          "(load_threshold)",
      .at_balance = "0",
      .default_weight = "1e-1 Shazeer et al.; 1e-2 tensor2tensor; 5e-3 V-MoE",
      .users = "sparsely-gated MoE (tensor2tensor, fastmoe noisy gate), V-MoE, Tutel load_importance_loss",
      .origin =
          "Shazeer et al. 2017, arXiv:1701.06538, equations 8 to 11; Riquelme et al. 2021, "
          "arXiv:2106.05974, appendix A",
      .function = load_loss,
      .balanced = balanced_at_zero,
      .why_not = needs_noise};
}

}  // namespace moesim
