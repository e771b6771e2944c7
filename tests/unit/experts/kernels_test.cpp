// The loops of the experts' kernels in every instruction set: against the formulas in double, and against
// experts/narrow.h.

#include "experts/kernels/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <vector>

#include "experts/kernels/choose.h"
#include "experts/narrow.h"

namespace moesim {
namespace {

double exact(Activation activation, double x) {
  switch (activation) {
    case Activation::swiglu:
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::geglu:
    case Activation::gelu:
      // ½x(1 + tanh u) = x/(1 + e^(−2u)), without the difference of nearly equal numbers
      return x / (1 + std::exp(-2 * std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case Activation::swiglu_oai: {  // up is 1
      const double gate = std::fmin(x, 7.0);
      return 2 * gate / (1 + std::exp(-1.702 * gate));
    }
    case Activation::relu:
      return std::fmax(x, 0.0);
  }
  return NAN;
}

// The activation of one number, times 1 where it is gated.
float activated(const KernelSet& kernels, Activation activation, float x) {
  std::vector<float> acc(2 * static_cast<std::size_t>(kernels.lanes), 1.0F);
  std::vector<float> hidden(acc.size());
  acc[0] = x;
  kernels.activate({.activation = activation,
                    .rows = 1,
                    .acc = acc.data(),
                    .column_scale = nullptr,
                    .column_bias = nullptr,
                    .unit_scale = nullptr,
                    .hidden = hidden.data()});
  return hidden[0];
}

constexpr Activation kActivations[] = {Activation::swiglu, Activation::geglu, Activation::gelu,
                                       Activation::relu,   Activation::silu,  Activation::swiglu_oai};

TEST(Kernels, ActivationsAreThoseOfTheFormulas) {
  for (const InstructionSet set : usable_instruction_sets()) {
    const KernelSet& kernels = *find_kernels(set);
    for (const Activation activation : kActivations) {
      double worst = 0;
      for (float magnitude = 1e-6F; magnitude < 100.0F; magnitude *= 1.003F) {
        for (const float x : {magnitude, -magnitude}) {
          worst = std::max(worst, std::abs(activated(kernels, activation, x) - exact(activation, x)) /
                                      static_cast<double>(magnitude));
        }
      }
      EXPECT_LT(worst, activation == Activation::swiglu_oai ? 4e-7 : 2e-7)
          << kernels.name << ", activation " << static_cast<int>(activation);
    }
  }
}

TEST(Kernels, ActivationsKeepNaN) {
  for (const InstructionSet set : usable_instruction_sets()) {
    const KernelSet& kernels = *find_kernels(set);
    for (const Activation activation : kActivations) {
      EXPECT_TRUE(std::isnan(activated(kernels, activation, std::nanf(""))))
          << kernels.name << ", activation " << static_cast<int>(activation);
      if (activation != Activation::swiglu_oai) {  // which is cut off
        EXPECT_EQ(activated(kernels, activation, INFINITY), INFINITY);
      }
    }
  }
}

TEST(Kernels, EveryFp16OfAPanelIsTheNumberThatItStandsFor) {
  for (const InstructionSet set : usable_instruction_sets()) {
    const KernelSet& kernels = *find_kernels(set);
    const auto columns = 2 * static_cast<std::uint32_t>(kernels.lanes);
    std::vector<std::uint16_t> panel(columns);
    std::vector<float> wide(columns);
    for (std::uint32_t first = 0; first < 0x10000u; first += columns) {
      for (std::uint32_t c = 0; c < columns; ++c) {
        panel[c] = static_cast<std::uint16_t>(first + c);
      }
      kernels.expand[static_cast<int>(WeightType::fp16)](1, panel.data(), wide.data());
      for (std::uint32_t c = 0; c < columns; ++c) {
        const float right = from_fp16(panel[c]);
        ASSERT_TRUE(std::isnan(right) ? std::isnan(wide[c])
                                      : std::memcmp(&right, &wide[c], sizeof right) == 0)
            << kernels.name << ", " << panel[c] << " became " << wide[c];
      }
    }
  }
}

}  // namespace
}  // namespace moesim
