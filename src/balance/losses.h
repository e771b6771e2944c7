#pragma once
// Balancing losses: numbers that training adds to its loss so that experts get equal loads. Pure functions of
// one batch, with their gradients; all in double; coefficient 1.
//
// Most are Σ f_i·P_i: f_i, the share of the tokens that choose expert i, is a count and has no gradient, so
// that it is held constant, as in every implementation; P_i, the mean score of expert i, carries the
// gradient. A gradient here is therefore that of the loss at fixed choices. `load_cv2` replaces the count by
// a probability and has a gradient of its own.
//
// P is made of each token's scores as shares of 1: the softmax, or s_i/(Σs + 1e-20) for sigmoid,
// sqrt_softplus and relu scores (DeepSeek-V3, arXiv:2412.19437, equation 19; Megatron-LM,
// megatron/core/transformer/moe/moe_utils.py, compute_routing_scores_for_aux_loss); for raw scores the
// softmax of the logits, as Megatron-LM has it for routers that select by logits. Several layers as one
// batch, as transformers has them, are their rows one after the other.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "balance/loss_choices.h"
#include "core/catalogue.h"
#include "core/matrix.h"
#include "metrics/load.h"
#include "router/routing.h"
#include "router/score.h"

namespace moesim {

// How often experts were chosen, of one batch or of several together.
struct BatchCounts {
  Counts routed_per_expert;  // [E]
  std::uint64_t tokens = 0;
  std::uint64_t steps = 0;  // one for all batches that are routed at the same time
};

// Borrows everything; T and E are those of the assignments.
struct LossInput {
  std::span<const double> logits;  // [T,E] without noise
  const Assignments& assignments;  // of the T tokens, before any drop; a token's best choice first
  ScoreFunc score_func = ScoreFunc::softmax;
  Index top_k = 1;                             // experts a token is meant to choose
  std::span<const Index> sequence_begin = {};  // [S+1] rows from 0 to T, rising; empty: one sequence
  Index num_devices = 1;                       // D; device d holds experts [d·E/D, (d+1)·E/D)
  Index max_devices = 0;                       // M, the most devices a token may use; 0: min(D, top_k)
  Index num_zero_experts = 0;                  // so many of the last experts compute nothing
  double zero_expert_weight = 0.75;            // τ of moepp_hetero
  std::span<const double> noisy_logits =
      {};                                    // [T,E] that the router selected by, or empty: no Gaussian noise
  std::span<const double> noise_std = {};    // [T,E], or [1] for all
  const BatchCounts* all_batches = nullptr;  // of global_batch, with this batch; nullptr: this batch alone
  LossChoices choices = {};

  Index num_tokens() const { return assignments.num_tokens(); }
  Index num_experts() const { return assignments.num_experts; }
};

struct Loss {
  double value = 0;
  std::vector<double> gradient;  // [T,E] of the value with respect to the logits
};

struct LossEntry {
  std::string name;
  std::string summary;         // one line
  std::string formula;         // plain text
  std::string at_balance;      // the value when all loads and all mean scores are equal
  std::string default_weight;  // what it is multiplied with, and by whom
  std::string users;
  std::string origin;  // paper and equation, repository and path
  Loss (*function)(const LossInput& input);
  // at_balance as a number, where it depends on the sizes alone.
  std::optional<double> (*balanced)(const LossInput& input);
  // Why the loss means nothing for this input, or "". The function's value is defined all the same.
  std::string (*why_not)(const LossInput& input);
};

const Catalogue<LossEntry>& losses();

// Checks the input and calls the function. No tokens: 0. Throws Error(config) for numbers that do not fit
// each other, Error(bad_data) naming token and expert of a number that is not finite.
Loss compute_loss(const LossEntry& entry, const LossInput& input);

struct NamedLoss {
  std::string name;
  std::optional<Loss> loss;
  std::string why_not;  // where there is no loss
};

// All of the catalogue, in its order. Throws as compute_loss. Logits may be missing (routers that look at
// none): then no loss applies.
std::vector<NamedLoss> all_losses(const LossInput& input);

// [T,E], exactly.
std::vector<double> in_double(MatrixView logits);

// Who was chosen in this batch, by input.choices.counted.
BatchCounts count_batch(const LossInput& input);

// Ranks at the same step: their counts together, still one step.
BatchCounts sum_over_ranks(std::span<const BatchCounts> ranks);

// The buffer of arXiv:2501.11873, algorithm 1: counts pile up over the steps of gradient accumulation.
void accumulate(const BatchCounts& step, BatchCounts& buffer);

}  // namespace moesim
