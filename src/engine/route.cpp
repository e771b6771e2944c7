#include "engine/route.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "balance/losses.h"
#include "core/error.h"

namespace moesim {
namespace {

Counts count_routed(const Assignments& assignments) {
  Counts counts(static_cast<std::size_t>(assignments.num_experts));
  for (const std::int32_t expert : assignments.expert) {
    ++counts[static_cast<std::size_t>(expert)];
  }
  return counts;
}

Counts count_processed(const DispatchPlan& plan) {
  Counts counts(static_cast<std::size_t>(plan.num_experts()));
  for (std::size_t e = 0; e < counts.size(); ++e) {
    counts[e] = static_cast<std::uint64_t>(plan.expert_begin[e + 1] - plan.expert_begin[e]);
  }
  return counts;
}

// Entry j: tokens that chose j experts.
Counts tokens_by_count(const Assignments& assignments) {
  Counts counts;
  for (std::size_t t = 0; t + 1 < assignments.begin.size(); ++t) {
    const auto chosen = static_cast<std::size_t>(assignments.begin[t + 1] - assignments.begin[t]);
    counts.resize(std::max(counts.size(), chosen + 1));
    ++counts[chosen];
  }
  return counts;
}

// The Gaussian noise of a batch as losses take it.
struct LossNoise {
  std::vector<double> noisy_logits;  // [T,E], or empty: no such noise
  std::vector<double> deviation;     // [T,E], or one for all
};

LossNoise loss_noise(const Policy& policy, const RouteNumbers& numbers) {
  LossNoise noise;
  const double scale = policy.router->traits().gaussian_noise;
  if (scale == 0.0) {
    return noise;
  }
  const Context context({.threads = 1});
  const RouterInput input{numbers.batch, numbers.logits.view(),         numbers.state, policy.seed, 0,
                          context,       numbers.noise_deviation.view()};
  for (Index t = 0; t < numbers.batch.num_tokens(); ++t) {
    const std::vector<StageValues> stages = policy.router->trace(input, t);
    const auto stage =
        std::find_if(stages.begin(), stages.end(), [](const StageValues& s) { return s.stage == "noise"; });
    MOESIM_CHECK(stage != stages.end(), "a router with noise that does not show it");
    noise.noisy_logits.insert(noise.noisy_logits.end(), stage->values.begin(), stage->values.end());
  }
  noise.deviation = {scale};
  if (numbers.noise_deviation.rows() > 0) {
    noise.deviation = in_double(numbers.noise_deviation.view());
    std::transform(noise.deviation.begin(), noise.deviation.end(), noise.deviation.begin(),
                   [scale](double deviation) { return deviation * scale; });
  }
  return noise;
}

Index count_without_expert(const DispatchPlan& plan) {
  Index count = 0;
  for (Index t = 0; t < plan.num_tokens(); ++t) {
    bool kept = false;
    for (Index a = plan.token_begin[static_cast<std::size_t>(t)];
         a < plan.token_begin[static_cast<std::size_t>(t) + 1]; ++a) {
      kept = kept || plan.assignment_row[static_cast<std::size_t>(a)] >= 0;
    }
    count += kept ? 0 : 1;
  }
  return count;
}

}  // namespace

RouteResult route_numbers(const Policy& policy, const RouteNumbers& numbers, const Context& context) {
  RouteResult result;
  result.num_tokens = numbers.batch.num_tokens();
  result.num_experts = policy.router->num_experts();
  result.routing = policy.router->route({numbers.batch, numbers.logits.view(), numbers.state, policy.seed, 0,
                                         context, numbers.noise_deviation.view()});
  const auto* assignments = std::get_if<Assignments>(&result.routing);
  if (assignments == nullptr) {
    const auto& mix = std::get<SoftMix>(result.routing);
    result.routed.assign(
        static_cast<std::size_t>(result.num_experts),
        static_cast<std::uint64_t>(mix.dispatch.cols() / std::max<Index>(1, mix.num_experts)));
    result.processed = result.routed;
  } else {
    result.plan = make_plan({.assignments = *assignments,
                             .rule = policy.capacity ? &*policy.capacity : nullptr,
                             .top_k = policy.router->traits().top_k,
                             .logits = numbers.logits.view(),
                             .seed = policy.seed});
    result.routed = count_routed(*assignments);
    result.processed = count_processed(result.plan);
    result.tied = assignments->tied;
    result.tokens_without_expert = count_without_expert(result.plan);
    if (policy.router->traits().choice != Choice::expert) {
      const Counts with_k = tokens_by_count(*assignments);
      result.noise_floor = noise_floor({&with_k, 1}, result.num_experts, policy.seed);
    }
  }
  result.load = load_stats(result.routed);
  result.processed_load = load_stats(result.processed);
  return result;
}

std::vector<BatchLoss> batch_losses(const Policy& policy, const RouteNumbers& numbers,
                                    const RouteResult& result, const LossSettings& settings) {
  const auto* assignments = std::get_if<Assignments>(&result.routing);
  if (assignments == nullptr || numbers.logits.rows() != result.num_tokens) {
    return {};
  }
  if (settings.num_devices < 1 || result.num_experts % settings.num_devices != 0) {
    throw Error(
        ErrorKind::usage,
        fmt::format(
            "--devices: error: got {}; expected a divisor of {}, the number of experts [not-divisible]",
            settings.num_devices, result.num_experts));
  }
  const RouterTraits traits = policy.router->traits();
  const std::vector<double> logits = in_double(numbers.logits.view());
  std::vector<Index> begin;
  for (Index t = 0; settings.sequence_length > 0 && t < result.num_tokens; t += settings.sequence_length) {
    begin.push_back(t);
  }
  if (!begin.empty()) {
    begin.push_back(result.num_tokens);
  }
  const LossNoise noise = loss_noise(policy, numbers);
  const LossInput input{.logits = logits,
                        .assignments = *assignments,
                        .score_func = traits.score_func,
                        .top_k = std::min<Index>(traits.top_k, result.num_experts),
                        .sequence_begin = begin,
                        .num_devices = settings.num_devices,
                        .num_zero_experts = std::max(traits.weightless_experts, policy.num_zero_experts),
                        .noisy_logits = noise.noisy_logits,
                        .noise_std = noise.deviation};
  std::vector<BatchLoss> list;
  for (const LossEntry& entry : losses().entries()) {
    list.push_back({entry.name, compute_loss(entry, input).value, entry.why_not(input)});
  }
  return list;
}

}  // namespace moesim
