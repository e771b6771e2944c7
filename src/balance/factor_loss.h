#pragma once
// Private to this room: the skeleton of all losses of the form Σ c_i·P_i.

#include <functional>
#include <vector>

#include "balance/loss_groups.h"
#include "balance/loss_scores.h"

namespace moesim {

struct FactorLoss {
  ScoreMap map = ScoreMap::softmax;
  LossScope scope = LossScope::batch;
  std::function<std::vector<double>(TokenRange)> factors;  // [E]: the c_i of a group, held constant
};

// The mean over the groups of Σ_i c_i·P_i, where P_i is the mean of score i over the group's tokens.
Loss factor_loss(const LossInput& input, const FactorLoss& rule);

// As above with the shares of 1 for P and input.choices.scope for the groups.
Loss share_loss(const LossInput& input, std::function<std::vector<double>(TokenRange)> factors);

// `values` times `factor`.
std::vector<double> scaled(std::vector<double> values, double factor);

// What the catalogue shares.
inline std::string always_applies(const LossInput& /*input*/) {
  return "";
}
inline std::optional<double> balanced_at_one(const LossInput& /*input*/) {
  return 1.0;
}
inline std::optional<double> balanced_at_zero(const LossInput& /*input*/) {
  return 0.0;
}
inline std::optional<double> never_balanced(const LossInput& /*input*/) {
  return std::nullopt;
}

}  // namespace moesim
