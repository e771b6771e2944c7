// Every loss against the naive oracle, on 1,000 seeded inputs full of ties.

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "loss_scene.h"

namespace moesim::testing {
namespace {

TEST(Losses, EqualTheNaiveOracleOnAThousandInputsEach) {
  std::map<std::string, int> not_zero;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const LossCase input = random_loss_case(i);
    std::vector<double> noisy;
    const LossInput loss_input = input.scene.input(noisy);
    for (const LossEntry& entry : losses().entries()) {
      const double expected = naive_loss(entry.name, input.naive);
      const double value = compute_loss(entry, loss_input).value;
      ASSERT_NEAR(value, expected, 1e-12 + 1e-11 * std::abs(expected)) << entry.name << ", input " << i;
      not_zero[entry.name] += expected != 0 ? 1 : 0;
    }
  }
  for (const auto& [name, count] : not_zero) {
    EXPECT_GT(count, 400) << name;
  }
}

}  // namespace
}  // namespace moesim::testing
