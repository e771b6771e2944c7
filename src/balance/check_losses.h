#pragma once
// Private to this room: whether the parts of a LossInput fit each other.

#include "balance/losses.h"

namespace moesim {

// Throws as compute_loss says.
void check_loss_input(const LossInput& input);

}  // namespace moesim
