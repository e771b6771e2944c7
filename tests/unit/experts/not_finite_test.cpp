// What is no number stays visible: a NaN in a row reaches all of its output, and no other row.

#include <gtest/gtest.h>

#include <cmath>

#include "experts/kernels/choose.h"
#include "support/executors.h"

namespace moesim {
namespace {

std::vector<std::unique_ptr<Executor>> all_executors() {
  std::vector<std::unique_ptr<Executor>> all;
  all.push_back(executor_of({{"kind", "serial"}}));
  for (const InstructionSet set : usable_instruction_sets()) {
    for (const EnumName<WeightType>& type : enum_names(WeightType{})) {
      all.push_back(
          executor_of({{"instructions", std::string(enum_text(set))}, {"weights", std::string(type.name)}}));
    }
    for (const char* type : {"bf16", "int8"}) {
      all.push_back(executor_of(
          {{"instructions", std::string(enum_text(set))}, {"weights", type}, {"activations", type}}));
    }
  }
  return all;
}

TEST(NotFinite, ANaNSpoilsItsOwnRowAlone) {
  const Context context({.threads = 2});
  const std::vector<Index> begin = {0, 20};
  for (const std::unique_ptr<Executor>& executor : all_executors()) {
    for (const EnumName<Activation>& activation : enum_names(Activation{})) {
      SCOPED_TRACE(executor->layout() + " " + std::string(activation.name));
      const ExpertBank bank = make_bank(
          {.num_experts = 1, .d_model = 40, .width = 72, .activation = activation.value}, *executor, context);
      Matrix in = random_rows(20, 40, 9);
      const auto run = [&] {
        Matrix out(20, 40);
        run_rows(*executor,
                 {.bank = bank, .expert_begin = begin, .in = {.from = in.view()}, .out = out.view()},
                 context);
        return out;
      };
      const Matrix before = run();
      in.row(7)[39] = std::nanf("");
      const Matrix after = run();
      EXPECT_TRUE(same_bits(before.view().block(0, 7), after.view().block(0, 7)));
      EXPECT_TRUE(same_bits(before.view().block(8, 12), after.view().block(8, 12)));
      for (const float value : after.row(7)) {
        ASSERT_TRUE(std::isnan(value));
      }
    }
  }
}

}  // namespace
}  // namespace moesim
