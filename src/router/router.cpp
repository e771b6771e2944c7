// What every router's call is wrapped in: checks before, checks after.

#include "router/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "core/error.h"
#include "router/kernels/choose.h"
#include "router/rows.h"

namespace moesim {
namespace {

std::string_view name_of(float not_finite) {
  if (std::isnan(not_finite)) {
    return "NaN";
  }
  return not_finite > 0.0F ? "infinity" : "-infinity";
}

struct Place {
  Index token;
  Index expert;
  float value;
};

[[noreturn]] void throw_not_finite(const RouterInput& input, const Place& place, std::string_view what,
                                   std::string help) {
  throw Error(ErrorKind::bad_data,
              fmt::format("layer {}, token {}, expert {}: error: the {} is {}; expected a finite number "
                          "[not-finite]",
                          input.layer, input.batch.first_token + static_cast<std::uint64_t>(place.token),
                          place.expert, what, name_of(place.value)),
              std::move(help));
}

// Expert e owns logits [e·logits_per_expert, (e+1)·logits_per_expert).
[[noreturn]] void throw_first_bad_logit(const RouterInput& input, Index logits_per_expert) {
  const MatrixView logits = input.logits;
  const float* end = logits.data + logits.rows * logits.cols;
  const float* bad = std::find_if(logits.data, end, [](float value) { return !std::isfinite(value); });
  MOESIM_CHECK(bad != end, "all logits are finite after all");
  const Index place = bad - logits.data;
  throw_not_finite(input, {place / logits.cols, place % logits.cols / logits_per_expert, *bad}, "logit",
                   "look for overflow in the tokens' vectors or in the gate");
}

bool logits_are_finite(const RouterInput& input) {
  std::atomic<bool> all_finite = true;
  for_each_row_block(input.context, input.logits.rows, [&](Index first, Index last) {
    const MatrixView rows = input.logits.block(first, last - first);
    if (!row_kernels().all_finite(rows.data, rows.rows * rows.cols)) {
      all_finite.store(false, std::memory_order_relaxed);
    }
  });
  return all_finite;
}

[[noreturn]] void throw_first_bad_weight(const RouterInput& input, const Assignments& assignments) {
  const auto bad = std::find_if(assignments.weight.begin(), assignments.weight.end(),
                                [](float value) { return !std::isfinite(value); });
  const Index place = bad - assignments.weight.begin();
  MOESIM_CHECK(place < assignments.size(), "all weights are finite after all");
  const auto after = std::upper_bound(assignments.begin.begin(), assignments.begin.end(), place);
  throw_not_finite(
      input,
      {after - assignments.begin.begin() - 1, assignments.expert[static_cast<std::size_t>(place)], *bad},
      "weight", "look for very large logits, or lower router.route_scale");
}

struct Sizes {
  Index num_experts;
  Index num_logits;
};

// One finite number per expert, or none at all.
void check_state(const std::vector<float>& values, Index num_experts, const char* name) {
  MOESIM_CHECK(values.empty() || values.size() == static_cast<std::size_t>(num_experts),
               fmt::format("{} needs one number per expert", name));
  for (const float value : values) {
    MOESIM_CHECK(std::isfinite(value), fmt::format("{} is not finite", name));
  }
}

void check_token_count(const RouterInput& input, Index multiple) {
  const Index num_tokens = input.batch.num_tokens();
  if (num_tokens % multiple != 0) {
    throw Error(
        ErrorKind::bad_data,
        fmt::format("layer {}: error: a batch of {} tokens does not divide among {} experts; expected a "
                    "multiple of {} tokens [not-divisible]",
                    input.layer, num_tokens, multiple, multiple),
        "change workload.tokens");
  }
}

void check_sizes(const RouterInput& input, const RouterTraits& traits, const Sizes& sizes) {
  const auto num_tokens = static_cast<std::size_t>(input.batch.num_tokens());
  if (traits.needs_logits) {
    MOESIM_CHECK(input.logits.rows == input.batch.num_tokens(), "a router needs one row of logits per token");
    MOESIM_CHECK(input.logits.rows == 0 || input.logits.cols == sizes.num_logits,
                 "a router needs one logit per expert, or per slot");
  } else {
    MOESIM_CHECK(input.batch.token_id.size() == num_tokens, "a batch needs one id per token");
  }
  const MatrixView deviation = input.noise_deviation;
  MOESIM_CHECK(
      deviation.rows == 0 || (deviation.rows == input.logits.rows && deviation.cols == sizes.num_logits),
      "a router needs one deviation per logit");
  check_state(input.state.expert_bias, sizes.num_experts, "a selection bias");
  check_state(input.state.selection_scale, sizes.num_experts, "a selection scale");
  check_state(input.state.threshold, sizes.num_experts, "a threshold");
}

}  // namespace

std::vector<StageValues> Router::trace(const RouterInput& /*input*/, Index /*token*/) const {
  return {};
}

Routing Router::route(const RouterInput& input) const {
  Routing routing;
  route_into(input, routing);
  return routing;
}

void Router::route_into(const RouterInput& input, Routing& routing) const {
  const RouterTraits facts = traits();
  check_sizes(input, facts, {num_experts_, num_logits()});
  check_token_count(input, facts.token_multiple);
  const Index logits_per_expert = num_logits() / num_experts_;
  if (facts.needs_logits && !marks_bad_logits() && !logits_are_finite(input)) {
    throw_first_bad_logit(input, logits_per_expert);
  }
  do_route_into(input, routing);
  if (const auto* assignments = std::get_if<Assignments>(&routing)) {
    const bool finite = row_kernels().all_finite(assignments->weight.data(), assignments->size());
    if (!finite && marks_bad_logits() && !logits_are_finite(input)) {
      throw_first_bad_logit(input, logits_per_expert);
    }
    if (!finite) {
      throw_first_bad_weight(input, *assignments);
    }
  }
#ifdef MOESIM_CHECKS
  check_routing(routing, facts, input.batch.num_tokens(), num_experts_);
#endif
}

}  // namespace moesim
