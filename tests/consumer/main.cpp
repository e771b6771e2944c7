// A router that is not in the library: token t goes to experts t and t + 1, round robin. Its loads are
// perfectly even, and the library's own checks, plan and metrics say so.

#include <cstdio>

#include "core/parallel.h"
#include "dispatch/plan.h"
#include "experts/bank.h"
#include "metrics/load.h"
#include "metrics/step_record.h"
#include "router/router.h"

namespace {

class RoundRobin final : public moesim::Router {
 public:
  explicit RoundRobin(moesim::Index num_experts) : Router(num_experts) {}

  moesim::RouterTraits traits() const override {
    moesim::RouterTraits traits;
    traits.choice = moesim::Choice::fixed;
    traits.top_k = 2;
    traits.needs_logits = false;
    return traits;
  }

 private:
  moesim::Routing do_route(const moesim::RouterInput& input) const override {
    moesim::Assignments out;
    out.num_experts = num_experts();
    out.begin = {0};
    for (moesim::Index t = 0; t < input.batch.num_tokens(); ++t) {
      for (moesim::Index j = 0; j < 2; ++j) {
        out.expert.push_back(static_cast<std::int32_t>((t + j) % num_experts()));
        out.weight.push_back(0.5F);
        out.score.push_back(0.5F);
      }
      out.begin.push_back(static_cast<moesim::Index>(out.expert.size()));
    }
    return out;
  }
};

}  // namespace

int main() {
  const moesim::Context context({.threads = 1});
  moesim::TokenBatch batch;
  batch.token_id.resize(16);
  batch.hidden = moesim::Matrix(16, 4);
  const RoundRobin router(8);
  const moesim::RouterState state;
  const moesim::Routing routing = router.route({batch, {}, state, 42, 0, context});
  const auto& assignments = std::get<moesim::Assignments>(routing);
  const moesim::DispatchPlan plan = moesim::make_plan({.assignments = assignments, .top_k = 2});
  moesim::Counts counts(8);
  for (const std::int32_t expert : assignments.expert) {
    ++counts[static_cast<std::size_t>(expert)];
  }
  const moesim::LoadStats stats = moesim::load_stats(counts);
  std::printf("%lld rows, max_violation %g\n", static_cast<long long>(plan.num_rows()), stats.max_violation);
  return plan.num_rows() == 32 && stats.max_violation == 0 ? 0 : 1;
}
