#include "engine/yardstick.h"

#include "core/stopwatch.h"

namespace moesim {
namespace {

constexpr Index kWidth = 512;
constexpr Index kUnits = 1024;
constexpr Index kRows = 256;

}  // namespace

Yardstick::Yardstick(const Executor& executor, const Context& context)
    : executor_(executor),
      scratch_(executor.make_scratch()),
      bank_(make_bank(
          {.seed = 1, .stream = Stream::yardstick, .num_experts = 1, .d_model = kWidth, .width = kUnits},
          executor, context)),
      in_(kRows, kWidth),
      out_(kRows, kWidth) {
  for (Index r = 0; r < kRows; ++r) {
    fill_normal({.seed = 2, .stream = Stream::yardstick}, static_cast<std::uint64_t>(r), 1.0F, in_.row(r));
  }
}

double Yardstick::run(const Context& context) {
  const Index begin[] = {0, kRows};
  const Stopwatch watch;
  const ExpertRows rows{.bank = bank_, .expert_begin = begin, .in = {.from = in_.view()}, .out = out_.view()};
  executor_.gather(rows, *scratch_, context);
  executor_.run(rows, *scratch_, context);
  return watch.seconds();
}

double Yardstick::flops() {
  return static_cast<double>(kRows) *
         static_cast<double>(ffn_flops_per_row(kWidth, kUnits, Activation::swiglu));
}

std::uint64_t yardstick_bytes(const Executor& executor) {
  const FfnShape shape{kWidth, kUnits, Activation::swiglu};
  return executor.expert_bytes(shape) + executor.scratch_bytes(shape, kRows, 1) +
         2 * static_cast<std::uint64_t>(kRows * kWidth) * sizeof(float);
}

}  // namespace moesim
