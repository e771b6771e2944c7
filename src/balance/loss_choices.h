#pragma once
// Where implementations of the same loss differ, the difference is a named choice.

#include <span>

#include "config/fields.h"

namespace moesim {

// Whose choices f counts.
enum class Counted {
  assigned,    // the router's own (transformers, DeepSeek-V2, megablocks)
  top_scores,  // the top_k of the plain scores, without selection bias and groups, ties to the lowest expert
               // (Megatron-LM; DeepSeek-V3, arXiv:2412.19437, equation 18)
};

// What f and P are taken over; the loss is the mean over these groups, each with the same weight.
enum class LossScope {
  batch,     // Megatron-LM, megablocks, DeepSpeed
  sequence,  // DeepSeek-V2 (arXiv:2405.04434, equations 23 to 31); groups of mesh-tensorflow, flaxformer,
             // V-MoE
};

// The variance in CV²: over E (tensor2tensor, V-MoE) or over E − 1 (fastmoe, Tutel).
enum class CvForm { population, unbiased };

// What an expert's importance sums up.
enum class ImportanceOf {
  scores,   // of all experts (V-MoE, Tutel)
  weights,  // the softmax over a token's chosen logits, 0 elsewhere (Shazeer et al. 2017, tensor2tensor,
            // fastmoe)
};

// What a logit must exceed, under noise drawn anew for it alone, to be among the top_k.
enum class LoadThreshold {
  kth_excluding,  // the top_k-th noisy logit of the other experts (arXiv:1701.06538, equation 8)
  kth,            // the top_k-th noisy logit of all (V-MoE, arXiv:2106.05974, appendix A)
  kth_of_scores,  // as kth, but it is compared with the softmax of the logits (Tutel, tutel/impls/losses.py)
};

// What the local sum of scores is divided by when f comes from several ranks.
enum class GlobalMean {
  local,  // the rank's own tokens: the loss is the mean over ranks (arXiv:2501.11873, equation 6)
  share,  // the tokens of all ranks: the loss is the sum over ranks (Megatron-LM, global_aux_loss)
};

// What an expert's mean ReLU score is multiplied with.
enum class L1Weighting {
  balanced,  // its load over the fair one (arXiv:2412.14711, equation 10)
  plain,     // 1 (arXiv:2412.14711, equation 9)
};

std::span<const EnumName<Counted>> enum_names(Counted);
std::span<const EnumName<LossScope>> enum_names(LossScope);
std::span<const EnumName<CvForm>> enum_names(CvForm);
std::span<const EnumName<ImportanceOf>> enum_names(ImportanceOf);
std::span<const EnumName<LoadThreshold>> enum_names(LoadThreshold);
std::span<const EnumName<GlobalMean>> enum_names(GlobalMean);
std::span<const EnumName<L1Weighting>> enum_names(L1Weighting);

struct LossChoices {
  Counted counted = Counted::assigned;
  LossScope scope =
      LossScope::batch;  // not of seq_wise, global_batch, z_loss and entropy, whose names say it
  CvForm cv = CvForm::population;
  ImportanceOf importance_of = ImportanceOf::scores;
  LoadThreshold load_threshold = LoadThreshold::kth_excluding;
  GlobalMean global_mean = GlobalMean::local;
  L1Weighting l1_weighting = L1Weighting::balanced;
};
void describe(Fields<LossChoices>& fields);

}  // namespace moesim
