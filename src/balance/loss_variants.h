#pragma once
// The losses, one function each, defined in the file of its family.

#include "balance/losses.h"

namespace moesim {

LossEntry loss_switch();
LossEntry loss_gshard_top1();
LossEntry loss_fairscale();

LossEntry loss_switch_topk_sum();
LossEntry loss_switch_topk_mean();
LossEntry loss_deepseek_expert();
LossEntry loss_seq_wise();
LossEntry loss_global_batch();

LossEntry loss_deepseek_device();
LossEntry loss_deepseek_comm();

LossEntry loss_importance_cv2();
LossEntry loss_load_cv2();

LossEntry loss_z_loss();
LossEntry loss_moepp_hetero();
LossEntry loss_remoe_l1();
LossEntry loss_entropy();

}  // namespace moesim
