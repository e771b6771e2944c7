// importance_cv2: CV² of the experts' importances. An expert's importance is the sum of its scores over the
// batch (V-MoE, Tutel), or of the weights it is chosen with (Shazeer et al. 2017): the softmax over a token's
// chosen logits, with the noise the router added to them.

#include "balance/cv_squared.h"
#include "balance/factor_loss.h"
#include "balance/loss_variants.h"
#include "core/error.h"

namespace moesim {
namespace {

// [chosen]
std::vector<double> chosen_logits(const LossInput& input, Index token, std::span<const std::int32_t> chosen) {
  const std::span<const double> all = input.noisy_logits.empty() ? input.logits : input.noisy_logits;
  const std::span<const double> row = row_of(all, token, input.num_experts());
  std::vector<double> logits;
  for (const std::int32_t expert : chosen) {
    logits.push_back(row[expert]);
  }
  return logits;
}

// One token's numbers whose sum over the tokens is the importance, and the chain rule back.
class TokenImportance {
 public:
  explicit TokenImportance(const LossInput& input) : input_(input), map_(share_map(input.score_func)) {}

  void add_to(Index token, std::vector<double>& importance) {
    find(token);
    for (std::size_t j = 0; j < scores_.size(); ++j) {
      importance[expert_of(j)] += scores_[j];
    }
  }

  void pull_back(Index token, const std::vector<double>& upstream, std::span<double> gradient) {
    find(token);
    std::vector<double> of_scores(scores_.size());
    for (std::size_t j = 0; j < scores_.size(); ++j) {
      of_scores[j] = upstream[expert_of(j)];
    }
    std::vector<double> of_logits(scores_.size());
    pull_back_row(map_in_use(), {logits_, scores_}, of_scores, of_logits);
    for (std::size_t j = 0; j < scores_.size(); ++j) {
      gradient[expert_of(j)] += of_logits[j];
    }
  }

 private:
  bool of_weights() const { return input_.choices.importance_of == ImportanceOf::weights; }
  ScoreMap map_in_use() const { return of_weights() ? ScoreMap::softmax : map_; }
  std::size_t expert_of(std::size_t j) const { return of_weights() ? chosen_[j] : j; }

  void find(Index token) {
    if (of_weights()) {
      chosen_ = chosen_by(input_, token, scratch_);
      logits_ = chosen_logits(input_, token, chosen_);
    } else {
      const std::span<const double> row = row_of(input_.logits, token, input_.num_experts());
      logits_.assign(row.begin(), row.end());
    }
    scores_.resize(logits_.size());
    if (!logits_.empty()) {
      map_row(map_in_use(), logits_, scores_);
    }
  }

  const LossInput& input_;
  ScoreMap map_;
  std::vector<std::int32_t> scratch_;
  std::span<const std::int32_t> chosen_;
  std::vector<double> logits_;
  std::vector<double> scores_;
};

Loss importance_loss(const LossInput& input) {
  Loss loss;
  loss.gradient.resize(input.logits.size());
  TokenImportance token_importance(input);
  const std::vector<TokenRange> groups = groups_of(input, input.choices.scope);
  for (const TokenRange& group : groups) {
    std::vector<double> importance(static_cast<std::size_t>(input.num_experts()));
    for (Index t = group.first; t < group.last; ++t) {
      token_importance.add_to(t, importance);
    }
    const CvSquared cv = cv_squared(importance, input.choices.cv);
    const double weight = 1 / static_cast<double>(groups.size());
    loss.value += weight * cv.value;
    const std::vector<double> upstream = scaled(cv.gradient, weight);
    for (Index t = group.first; t < group.last; ++t) {
      token_importance.pull_back(t, upstream, row_of(loss.gradient, t, input.num_experts()));
    }
  }
  return loss;
}

}  // namespace

LossEntry loss_importance_cv2() {
  return {
      .name = "importance_cv2",
      .summary =
          "equal importance: squared coefficient of variation of the experts' summed scores or weights",
      .formula =
          "CV^2 over experts of sum_t w_ti; w: all scores, or the softmax over the chosen logits "
          "(importance_of); variance over E or E-1 (cv)",
      .at_balance = "0",
      .default_weight = "1e-1 Shazeer et al.; 1e-2 tensor2tensor; 5e-3 V-MoE",
      .users = "sparsely-gated MoE (tensor2tensor, fastmoe noisy gate: weights), V-MoE and Tutel (scores)",
      .origin =
          "Shazeer et al. 2017, arXiv:1701.06538, equations 6 and 7; Riquelme et al. 2021, "
          "arXiv:2106.05974, appendix A",
      .function = importance_loss,
      .balanced = balanced_at_zero,
      .why_not = always_applies};
}

}  // namespace moesim
