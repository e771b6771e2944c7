#pragma once
// What the programs that measure whole layers share: shapes, routing, and the machine's own limits.

#include <memory>
#include <string>
#include <vector>

#include "dispatch/plan.h"
#include "experts/bank.h"
#include "experts/executor.h"
#include "experts/probe.h"

namespace moesim::bench {

struct Shape {
  std::string name;
  Index experts, top_k, d_model, d_ff;
  std::vector<Index> tokens;
};

const std::vector<Shape>& shapes();

// The first argument, a number of rounds from 3; `usual` without one. Prints `usage` and ends the program
// when it is asked for help or is given something else.
int rounds_argument(int argc, char** argv, int usual, const char* usage);

// k different experts for every token, each as likely as the others.
Assignments uniform_routing(const Shape& shape, Index tokens, std::uint64_t seed = 7);
// k different experts for every token, drawn one after the other, the expert of rank r (from 1) with weight
// r^−exponent among those that are left. As many assignments as above.
Assignments zipf_routing(const Shape& shape, Index tokens, std::uint64_t seed = 7, double exponent = 1);

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

// All the memory of a bank, to be read plainly.
std::span<const float> weights_of(const ExpertBank& bank);

}  // namespace moesim::bench
