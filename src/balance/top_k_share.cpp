// Losses that count all choices of a token: Σ f_i·P_i with f_i the share of tokens that choose expert i among
// their top_k (the f_i sum to top_k), times E or E/top_k. They differ in what f is taken over.
//
// seq_wise takes f and P of each sequence. DeepSeek-V3 counts the top_k of the plain scores (counted:
// top_scores); DeepSeek-V2's published code counts what was assigned.
//
// global_batch takes f of all ranks, and of all steps in the buffer, and P of its own tokens: only E counts
// travel. The mean of its values over ranks is the loss of all tokens as one batch (arXiv:2501.11873,
// equations 4 to 6). Megatron-LM divides the local sum of scores by the tokens of all ranks instead
// (global_mean: share), so that the ranks' values add up to that loss; where gradients are then averaged over
// ranks, the same coefficient acts more weakly by their number.

#include "balance/factor_loss.h"
#include "balance/loss_variants.h"
#include "core/error.h"

namespace moesim {
namespace {

double experts_of(const LossInput& input) {
  return static_cast<double>(input.num_experts());
}

double experts_per_choice(const LossInput& input) {
  return experts_of(input) / static_cast<double>(input.top_k);
}

Loss topk_sum(const LossInput& input) {
  return share_loss(
      input, [&input](TokenRange group) { return scaled(choice_shares(input, group), experts_of(input)); });
}

std::vector<double> mean_factors(const LossInput& input, TokenRange group) {
  return scaled(choice_shares(input, group), experts_per_choice(input));
}

Loss topk_mean(const LossInput& input) {
  return share_loss(input, [&input](TokenRange group) { return mean_factors(input, group); });
}

Loss seq_wise(const LossInput& input) {
  return factor_loss(input, {.map = share_map(input.score_func),
                             .scope = LossScope::sequence,
                             .factors = [&input](TokenRange group) { return mean_factors(input, group); }});
}

// What turns the mean score over the rank's own tokens into the rank's share of the mean over all.
double share_of_all(const LossInput& input, const BatchCounts& all) {
  switch (input.choices.global_mean) {
    case GlobalMean::local:
      return 1;
    case GlobalMean::share:
      return static_cast<double>(input.num_tokens()) * static_cast<double>(all.steps) /
             static_cast<double>(all.tokens);
  }
  throw_internal(__FILE__, __LINE__, "an unknown mean over ranks");
}

Loss global_batch(const LossInput& input) {
  const BatchCounts all = input.all_batches == nullptr ? count_batch(input) : *input.all_batches;
  const auto factors = [&input, &all](TokenRange) {
    std::vector<double> shares;
    for (const std::uint64_t count : all.routed_per_expert) {
      shares.push_back(static_cast<double>(count) / static_cast<double>(all.tokens));
    }
    return scaled(shares, experts_per_choice(input) * share_of_all(input, all));
  };
  return factor_loss(input,
                     {.map = share_map(input.score_func), .scope = LossScope::batch, .factors = factors});
}

std::optional<double> balanced_at_top_k(const LossInput& input) {
  return static_cast<double>(input.top_k);
}

}  // namespace

LossEntry loss_switch_topk_sum() {
  return {.name = "switch_topk_sum",
          .summary = "the switch loss with all top_k choices counted: k times as large",
          .formula = "E * sum_i f_i P_i, f_i = share of tokens with i among their top_k",
          .at_balance = "k",
          .default_weight = "1e-3 Mixtral, Qwen-MoE; 1e-2 OLMoE; 5e-2 DBRX",
          .users =
              "transformers (load_balancing_loss_func of Mixtral, Qwen-MoE, OLMoE, DBRX: all layers as one "
              "batch), flaxformer, maxtext",
          .origin =
              "Fedus et al. 2021, arXiv:2101.03961, equation 4; huggingface/transformers, "
              "src/transformers/models/mixtral/modeling_mixtral.py",
          .function = topk_sum,
          .balanced = balanced_at_top_k,
          .why_not = always_applies};
}

LossEntry loss_switch_topk_mean() {
  return {.name = "switch_topk_mean",
          .summary = "the switch loss with all top_k choices counted, each as 1/k",
          .formula = "E/k * sum_i f_i P_i, f_i = share of tokens with i among their top_k",
          .at_balance = "1",
          .default_weight = "1e-2 advised by Megatron-LM (0 by default); 1e-1 megablocks",
          .users = "Megatron-LM aux_loss, megablocks, OLMo-core, DeepSpeed top-k",
          .origin =
              "NVIDIA/Megatron-LM, megatron/core/transformer/moe/moe_utils.py, "
              "switch_load_balancing_loss_func",
          .function = topk_mean,
          .balanced = balanced_at_one,
          .why_not = always_applies};
}

LossEntry loss_deepseek_expert() {
  return {
      .name = "deepseek_expert",
      .summary = "expert-level balance: the same number as switch_topk_mean",
      .formula =
          "sum_i f_i P_i, f_i = E/(k T) * tokens that chose i; T tokens of a sequence (scope sequence)",
      .at_balance = "1",
      .default_weight = "1e-3 DeepSeekMoE 16B, 3e-3 DeepSeek-V2",
      .users = "DeepSeekMoE, DeepSeek-V2",
      .origin =
          "Dai et al. 2024, arXiv:2401.06066, equation 12; DeepSeek-V2, arXiv:2405.04434, equations 23 to "
          "25",
      .function = topk_mean,
      .balanced = balanced_at_one,
      .why_not = always_applies};
}

LossEntry loss_seq_wise() {
  return {.name = "seq_wise",
          .summary = "balance inside each sequence: the mean of the sequences' switch_topk_mean",
          .formula =
              "mean over sequences of sum_i f_i P_i, f_i = E/(k T_s) * tokens of the sequence that chose i",
          .at_balance = "1",
          .default_weight = "1e-4 DeepSeek-V3; 1e-3 DeepSeek-V2's published config",
          .users = "DeepSeek-V3, Megatron-LM seq_aux_loss, OLMo-core",
          .origin =
              "DeepSeek-V3, arXiv:2412.19437, equations 17 to 20; NVIDIA/Megatron-LM, "
              "megatron/core/transformer/moe/router.py, _apply_seq_aux_loss",
          .function = seq_wise,
          .balanced = balanced_at_one,
          .why_not = always_applies};
}

LossEntry loss_global_batch() {
  return {
      .name = "global_batch",
      .summary = "switch_topk_mean with the counts of all ranks and micro-batches, and the scores of its own",
      .formula = "E/k * sum_i F_i P_i, F_i = share of all batches' tokens that chose i",
      .at_balance = "1",
      .default_weight = "1e-3",
      .users = "Qwen3-MoE, Megatron-LM global_aux_loss",
      .origin =
          "Qiu et al. 2025, arXiv:2501.11873, equations 4 to 6 and algorithm 1; NVIDIA/Megatron-LM, "
          "megatron/core/transformer/moe/router.py, _apply_global_aux_loss",
      .function = global_batch,
      .balanced = balanced_at_one,
      .why_not = always_applies};
}

}  // namespace moesim
