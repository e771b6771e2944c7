// How near whole layers come to the machine's own limits. Everything takes turns in one run: the layer, a
// loop of multiply-adds that never leaves the registers, and a plain read of as many bytes as the layer's
// weights have.
//
//   moesim_limits [rounds] [float32|bf16|fp16|int8] [shape]

#include <fmt/format.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "bench/support.h"
#include "core/error.h"
#include "experts/executor.h"
#include "metrics/interval.h"

namespace {

using namespace moesim;
using namespace moesim::bench;

// The same bits for any number of threads.
void check(Work& work, const Context& one, const Context& two) {
  work.run(one);
  const Matrix first = work.y.clone();
  work.run(two);
  MOESIM_CHECK(std::equal(first.data(), first.data() + first.rows() * first.cols(), work.y.data()),
               "threads change the result");
}

constexpr double kPeakSeconds = 1.5e-3;

struct Samples {
  std::vector<double> flops2, flops1, limit2, scaling, dense;
};

void measure(Work& work, Work& dense, const Context& one, const Context& two, int rounds) {
  const KernelSet& kernels = probe_kernels(work.executor);
  PlainReader reader(kernels, {weights_of(work.bank)});
  check(work, one, two);
  dense.run(two);
  Samples s;
  double rate = 0;
  for (int round = 0; round < rounds; ++round) {
    const double peak1 = multiply_add_rate(kernels, one, 1, kPeakSeconds);
    const double peak2 = multiply_add_rate(kernels, two, 2, kPeakSeconds);
    const double t2 = work.run(two);
    const double read2 = work.bytes() / reader.read(static_cast<std::uint64_t>(work.bytes()), two);
    const double d2 = dense.run(two);
    const double t1 = work.run(one);
    const double later2 = multiply_add_rate(kernels, two, 2, kPeakSeconds);
    const double later1 = multiply_add_rate(kernels, one, 1, kPeakSeconds);
    const double limit = std::max(work.flops() / (0.5 * (peak2 + later2)), read2);
    s.flops2.push_back(work.flops() / t2 / (0.5 * (peak2 + later2)));
    s.flops1.push_back(work.flops() / t1 / (0.5 * (peak1 + later1)));
    s.limit2.push_back(limit / t2);
    s.scaling.push_back(t1 / t2 / ((peak2 + later2) / (peak1 + later1)));
    s.dense.push_back(d2 / t2);
    rate = std::max(rate, static_cast<double>(work.plan.num_tokens()) / t2);
  }
  const auto text = [](const std::vector<double>& samples) {
    const Interval i = median_interval(samples);
    return fmt::format("{:5.2f} [{:.2f} .. {:.2f}]", i.median, i.low, i.high);
  };
  fmt::print("{:>6} {:>10.0f}  {}  {}  {}  {}  {}\n", work.plan.num_tokens(), rate, text(s.limit2),
             text(s.flops2), text(s.flops1), text(s.scaling), text(s.dense));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const tbb::global_control workers(tbb::global_control::max_allowed_parallelism, 16);
  const int rounds =
      rounds_argument(argc, argv, 9, "moesim_limits [ROUNDS, at least 3] [float32|bf16|fp16|int8] [SHAPE]");
  const std::string type = argc > 2 ? argv[2] : "float32";
  const std::string only = argc > 3 ? argv[3] : "";
  Binder binder;
  const Node section = scalar_section({{"weights", type}});
  const ExecutorChoice choice = make_executor(binder, &section);
  if (choice.executor == nullptr) {
    fmt::print("{}", binder.diagnostics.render_all());
    return 64;
  }
  const Executor& executor = *choice.executor;
  const Context one({.threads = 1});
  const Context two({.threads = 2});
  fmt::print("{}, {} rounds: medians with 95 % intervals\n", executor.layout(), rounds);
  for (const Shape& shape : shapes()) {
    if (!only.empty() && only != shape.name) {
      continue;
    }
    const ExpertBank bank = make_bank(
        {.num_experts = shape.experts, .d_model = shape.d_model, .width = shape.d_ff}, executor, two);
    const ExpertBank dense = make_bank(
        {.num_experts = 1, .d_model = shape.d_model, .width = shape.top_k * shape.d_ff}, executor, two);
    fmt::print("\n{}: E={} k={} D={} F={}\n{:>6} {:>10}  {:19}  {:19}  {:19}  {:19}  {}\n", shape.name,
               shape.experts, shape.top_k, shape.d_model, shape.d_ff, "T", "tokens/s", "of the limit, 2 thr",
               "of FMA peak, 2 thr", "of FMA peak, 1 thr", "1 to 2 of machine's", "over dense_same_active");
    for (const Index tokens : shape.tokens) {
      const Assignments routing = uniform_routing(shape, tokens);
      Work moe(executor, bank, make_plan({.assignments = routing, .top_k = shape.top_k}));
      Work same_active(executor, dense, make_identity_plan(tokens));
      measure(moe, same_active, one, two, rounds);
    }
  }
  return 0;
}
