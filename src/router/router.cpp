// What every router's call is wrapped in: checks before, checks after.

#include "router/router.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "core/error.h"
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

std::optional<Place> first_not_finite(MatrixView logits, Index first, Index last) {
  for (Index t = first; t < last; ++t) {
    const std::span<const float> row = logits.row(t);
    for (std::size_t e = 0; e < row.size(); ++e) {
      if (!std::isfinite(row[e])) {
        return Place{t, static_cast<Index>(e), row[e]};
      }
    }
  }
  return std::nullopt;
}

// Expert e owns logits [e·logits_per_expert, (e+1)·logits_per_expert).
void check_logits(const RouterInput& input, Index logits_per_expert) {
  const Index num_rows = input.logits.rows;
  std::vector<std::optional<Place>> found(
      static_cast<std::size_t>((num_rows + kRowsPerBlock - 1) / kRowsPerBlock));
  for_each_row_block(input.context, num_rows, [&](Index first, Index last) {
    found[static_cast<std::size_t>(first / kRowsPerBlock)] = first_not_finite(input.logits, first, last);
  });
  for (std::optional<Place>& place : found) {
    if (place) {
      place->expert /= logits_per_expert;
      throw_not_finite(input, *place, "logit", "look for overflow in the tokens' vectors or in the gate");
    }
  }
}

void check_weights(const RouterInput& input, const Assignments& assignments) {
  for (Index t = 0; t < assignments.num_tokens(); ++t) {
    const Index end = assignments.begin[static_cast<std::size_t>(t) + 1];
    for (Index n = assignments.begin[static_cast<std::size_t>(t)]; n < end; ++n) {
      const auto i = static_cast<std::size_t>(n);
      if (!std::isfinite(assignments.weight[i])) {
        throw_not_finite(input, {t, assignments.expert[i], assignments.weight[i]}, "weight",
                         "look for very large logits, or lower router.route_scale");
      }
    }
  }
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
  check_state(input.state.threshold, sizes.num_experts, "a threshold");
}

}  // namespace

std::vector<StageValues> Router::trace(const RouterInput& /*input*/, Index /*token*/) const {
  return {};
}

Routing Router::route(const RouterInput& input) const {
  const RouterTraits facts = traits();
  check_sizes(input, facts, {num_experts_, num_logits()});
  check_token_count(input, facts.token_multiple);
  if (facts.needs_logits) {
    check_logits(input, num_logits() / num_experts_);
  }
  Routing routing = do_route(input);
  if (const auto* assignments = std::get_if<Assignments>(&routing)) {
    check_weights(input, *assignments);
  }
#ifdef MOESIM_CHECKS
  check_routing(routing, facts, input.batch.num_tokens(), num_experts_);
#endif
  return routing;
}

}  // namespace moesim
