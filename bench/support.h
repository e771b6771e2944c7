#pragma once
// What the programs that measure whole layers share: shapes, routing, and the machine's own limits.

#include <memory>
#include <string>
#include <vector>

#include "dispatch/plan.h"
#include "experts/bank.h"
#include "experts/executor.h"
#include "experts/kernels/choose.h"

namespace moesim::bench {

struct Shape {
  std::string name;
  Index experts, top_k, d_model, d_ff;
  std::vector<Index> tokens;
};

const std::vector<Shape>& shapes();

// k different experts for every token, each as likely as the others.
Assignments uniform_routing(const Shape& shape, Index tokens, std::uint64_t seed = 7);
// k different experts for every token, drawn one after the other, the expert of rank r (from 1) with weight
// 1/r among those that are left. As many assignments as above.
Assignments zipf_routing(const Shape& shape, Index tokens, std::uint64_t seed = 7);

// A layer of one bank and where its rows come from: dispatch, experts, combine.
struct Work {
  const Executor& executor;
  const ExpertBank& bank;
  DispatchPlan plan;
  Matrix x, rows, y;
  std::unique_ptr<ExecutorScratch> scratch;

  Work(const Executor& executor, const ExpertBank& bank, DispatchPlan plan);
  double run(const Context& context);  // seconds
  double flops() const;
  double bytes() const;  // weights of the experts that have rows
};

// Floating-point operations a second of multiply-adds that never leave the registers, on the context's
// threads.
double peak(const KernelSet& kernels, const Context& context);

// Reads so many bytes of the bank, beginning where the last call ended.
class Reader {
 public:
  Reader(const KernelSet& kernels, const ExpertBank& bank) : kernels_(kernels), bank_(bank) {}

  // Seconds.
  double run(double bytes, const Context& context);

 private:
  static constexpr Index kPiece = 64 << 10;  // floats
  const KernelSet& kernels_;
  const ExpertBank& bank_;
  Index next_ = 0;
};

}  // namespace moesim::bench
