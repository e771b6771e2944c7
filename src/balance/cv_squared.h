#pragma once
// Private to this room: the squared coefficient of variation and its gradient.

#include <span>
#include <vector>

#include "balance/loss_choices.h"

namespace moesim {

struct CvSquared {
  double value = 0;
  std::vector<double> gradient;
};

// Variance over squared mean. All 0 where it is not defined: no numbers, one number, mean 0. The 1e-10 that
// tensor2tensor, fastmoe and Tutel add to the squared mean is left out; it shows where the mean is below
// 1e-3.
CvSquared cv_squared(std::span<const double> numbers, CvForm form);

}  // namespace moesim
