#include "engine/yardstick.h"

#include <algorithm>
#include <array>

#include "core/stopwatch.h"

namespace moesim {
namespace {

constexpr Index kWidth = 512;
constexpr Index kUnits = 1024;
constexpr Index kRows = 256;

// Iterations of four independent multiply-add chains; returns a value so that the work cannot be removed.
std::uint64_t spin(std::uint64_t iterations) {
  std::array<std::uint64_t, 4> x = {1, 2, 3, 4};
  for (std::uint64_t i = 0; i < iterations; ++i) {
    for (std::uint64_t& v : x) {
      v = v * 6364136223846793005u + 1442695040888963407u;
    }
  }
  return x[0] ^ x[1] ^ x[2] ^ x[3];
}

double time_spins(const Context& context, Index how_many, std::uint64_t iterations) {
  std::array<std::uint64_t, 1024> results{};
  const Stopwatch watch;
  context.for_each_block(how_many, [&](Index i) { results[static_cast<std::size_t>(i)] = spin(iterations); });
  const double seconds = watch.seconds();
  volatile std::uint64_t sink = results[0];  // the loop's value is used
  (void)sink;
  return seconds;
}

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

double measure_effective_cores(const Context& context, double seconds) {
  const int threads = context.threads();
  if (threads <= 1) {
    return 1.0;
  }
  constexpr std::uint64_t kProbe = 200'000;
  const double probe = std::min(time_spins(context, 1, kProbe), time_spins(context, 1, kProbe));
  const auto iterations = static_cast<std::uint64_t>(static_cast<double>(kProbe) *
                                                     std::max(1.0, seconds / std::max(probe, 1e-9)));
  const double one = time_spins(context, 1, iterations);
  const double all = time_spins(context, threads, iterations);
  return static_cast<double>(threads) * one / std::max(all, 1e-12);
}

}  // namespace moesim
