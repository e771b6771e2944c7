// After the first step, scores, choice and plan of the routers that give each token top_k experts ask for no
// memory. The program's operator new counts; under a sanitizer, which has its own, nothing is measured.

#include <gtest/gtest.h>

#include "dispatch/plan.h"
#include "engine/experiment.h"
#include "support/allocations.h"

namespace moesim {
namespace {

struct Step {
  Routing routing;
  DispatchPlan plan;
};

// Of the contracts, which builds with MOESIM_CHECKS call and which need memory.
std::int64_t allocations_of_checks(const Router& router, const Step& step) {
#ifdef MOESIM_CHECKS
  const std::int64_t before = allocations();
  check_routing(step.routing, router.traits(), step.plan.num_tokens(), router.num_experts());
  check_plan(step.plan, std::get<Assignments>(step.routing));
  return allocations() - before;
#else
  return router.num_experts() > 0 && step.plan.num_tokens() > 0 ? 0 : -1;
#endif
}

void expect_no_allocation(const std::string& router) {
  const Experiment experiment =
      load_experiment("routing_only", {"router=" + router, "workload.tokens=300", "layer.num_experts=64"});
  const Context context({.threads = 1});
  const RouterState state{experiment.router->initial_bias()};
  TokenBatch batch;
  batch.hidden.resize(300, 0);
  Matrix logits(300, 64);
  Step step;
  std::int64_t own = -1;
  for (std::uint64_t number = 0; number < 3; ++number) {
    batch.first_token = 300 * number;
    fill_normal({.seed = 5}, number, 1.0F, {logits.data(), 300 * 64});
    const std::int64_t before = allocations();
    experiment.router->route_into({batch, logits.view(), state, 1, 0, context}, step.routing);
    make_plan_into(
        {.assignments = std::get<Assignments>(step.routing), .top_k = experiment.router->traits().top_k},
        step.plan);
    own = allocations() - before;
    own -= allocations_of_checks(*experiment.router, step);
    if (number == 0) {
      EXPECT_GT(own, 0) << router << ": the counter counts nothing";
    }
  }
  EXPECT_EQ(own, 0) << router;
}

TEST(Allocations, RoutingAStepAsksForNoMemoryAfterTheFirst) {
  if (allocations() < 0) {
    GTEST_SKIP() << "the sanitizer has its own operator new";
  }
  expect_no_allocation("{preset: olmoe}");
  expect_no_allocation("{preset: mixtral}");
  expect_no_allocation(
      "{kind: token_choice, top_k: 8, score_func: sigmoid, num_expert_groups: 8, num_limited_groups: 4}");
  expect_no_allocation("{kind: token_choice, top_k: 40}");
}

}  // namespace
}  // namespace moesim
