#include "balance/loss_choices.h"

namespace moesim {
namespace {

constexpr EnumName<Counted> kCounted[] = {{Counted::assigned, "assigned"},
                                          {Counted::top_scores, "top_scores"}};
constexpr EnumName<LossScope> kScopes[] = {{LossScope::batch, "batch"}, {LossScope::sequence, "sequence"}};
constexpr EnumName<CvForm> kCvForms[] = {{CvForm::population, "population"}, {CvForm::unbiased, "unbiased"}};
constexpr EnumName<ImportanceOf> kImportances[] = {{ImportanceOf::scores, "scores"},
                                                   {ImportanceOf::weights, "weights"}};
constexpr EnumName<LoadThreshold> kThresholds[] = {{LoadThreshold::kth_excluding, "kth_excluding"},
                                                   {LoadThreshold::kth, "kth"},
                                                   {LoadThreshold::kth_of_scores, "kth_of_scores"}};
constexpr EnumName<GlobalMean> kGlobalMeans[] = {{GlobalMean::local, "local"}, {GlobalMean::share, "share"}};
constexpr EnumName<L1Weighting> kWeightings[] = {{L1Weighting::balanced, "balanced"},
                                                 {L1Weighting::plain, "plain"}};

}  // namespace

std::span<const EnumName<Counted>> enum_names(Counted) {
  return kCounted;
}
std::span<const EnumName<LossScope>> enum_names(LossScope) {
  return kScopes;
}
std::span<const EnumName<CvForm>> enum_names(CvForm) {
  return kCvForms;
}
std::span<const EnumName<ImportanceOf>> enum_names(ImportanceOf) {
  return kImportances;
}
std::span<const EnumName<LoadThreshold>> enum_names(LoadThreshold) {
  return kThresholds;
}
std::span<const EnumName<GlobalMean>> enum_names(GlobalMean) {
  return kGlobalMeans;
}
std::span<const EnumName<L1Weighting>> enum_names(L1Weighting) {
  return kWeightings;
}

void describe(Fields<LossChoices>& fields) {
  fields.add("counted", &LossChoices::counted)
      .doc("whose choices are counted: the router's, or the top_k of the scores without bias and groups");
  fields.add("scope", &LossChoices::scope).doc("the loss of the whole batch, or the mean over its sequences");
  fields.add("cv", &LossChoices::cv).doc("variance over E or over E - 1, in importance_cv2 and load_cv2");
  fields.add("importance_of", &LossChoices::importance_of)
      .doc("importance_cv2 sums all scores, or the weights of the chosen experts");
  fields.add("load_threshold", &LossChoices::load_threshold)
      .doc("what load_cv2 wants a noisy logit to exceed; three implementations, three thresholds");
  fields.add("global_mean", &LossChoices::global_mean)
      .doc("global_batch divides the local sum of scores by the local tokens, or by those of all ranks");
  fields.add("l1_weighting", &LossChoices::l1_weighting)
      .doc("remoe_l1 weights the scores of an expert by its load, or not");
}

}  // namespace moesim
