// The list of losses. To add one: write it into the file of its family, declare its entry in
// balance/loss_variants.h, name it here.

#include "balance/loss_variants.h"

namespace moesim {

const Catalogue<LossEntry>& losses() {
  static const Catalogue<LossEntry> list(
      {loss_switch(), loss_gshard_top1(), loss_fairscale(), loss_switch_topk_sum(), loss_switch_topk_mean(),
       loss_deepseek_expert(), loss_seq_wise(), loss_global_batch(), loss_deepseek_device(),
       loss_deepseek_comm(), loss_importance_cv2(), loss_load_cv2(), loss_z_loss(), loss_moepp_hetero(),
       loss_remoe_l1(), loss_entropy()});
  return list;
}

}  // namespace moesim
