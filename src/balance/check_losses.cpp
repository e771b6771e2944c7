#include "balance/check_losses.h"

#include <fmt/format.h>

#include <cmath>

#include "core/error.h"

namespace moesim {
namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& expected, const std::string& short_name,
                         const std::string& help) {
  throw Error(ErrorKind::config,
              fmt::format("losses: error: {}; expected {} [{}]", what, expected, short_name), help);
}

void check_finite(std::span<const double> numbers, Index num_experts, const std::string& what) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!std::isfinite(numbers[i])) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("losses: error: {} of token {}, expert {} is {}; expected a finite number "
                              "[not-finite]",
                              what, static_cast<Index>(i) / num_experts, static_cast<Index>(i) % num_experts,
                              numbers[i]),
                  "look for overflow in the tokens' vectors or in the gate");
    }
  }
}

void check_noise(const LossInput& input) {
  if (input.noisy_logits.empty()) {
    return;
  }
  MOESIM_CHECK(input.noisy_logits.size() == input.logits.size(), "noisy logits need the logits' size");
  MOESIM_CHECK(input.noise_std.size() == 1 || input.noise_std.size() == input.logits.size(),
               "a noise needs one deviation, or one per logit");
  check_finite(input.noisy_logits, input.num_experts(), "the noisy logit");
  for (const double deviation : input.noise_std) {
    if (!(deviation > 0) || !std::isfinite(deviation)) {
      refuse(fmt::format("a noise of deviation {}", deviation), "a number above 0", "out-of-range",
             "without noise, leave it out");
    }
  }
}

void check_devices(const LossInput& input) {
  if (input.num_devices < 1 || input.num_experts() % input.num_devices != 0) {
    refuse(fmt::format("{} experts on {} devices", input.num_experts(), input.num_devices),
           "as many experts on each device", "not-divisible",
           "choose a number of devices that divides the number of experts");
  }
  if (input.max_devices < 0 || input.max_devices > input.num_devices) {
    refuse(fmt::format("a token on {} of {} devices", input.max_devices, input.num_devices),
           fmt::format("a whole number from 1 to {}", input.num_devices), "out-of-range",
           "0 stands for as many as top_k allows");
  }
}

void check_sequences(const LossInput& input) {
  const std::span<const Index> begin = input.sequence_begin;
  if (begin.empty()) {
    return;
  }
  bool rising = begin.front() == 0 && begin.back() == input.num_tokens();
  for (std::size_t s = 1; s < begin.size(); ++s) {
    rising = rising && begin[s - 1] <= begin[s];
  }
  MOESIM_CHECK(rising, "sequences begin at 0, rise, and end at the last token");
}

void check_counts(const LossInput& input) {
  if (input.all_batches != nullptr) {
    MOESIM_CHECK(input.all_batches->routed_per_expert.size() == static_cast<std::size_t>(input.num_experts()),
                 "counts of all batches need one number per expert");
    MOESIM_CHECK(input.all_batches->tokens >= static_cast<std::uint64_t>(input.num_tokens()) &&
                     input.all_batches->steps >= 1,
                 "counts of all batches must hold this batch");
  }
  for (const std::int32_t expert : input.assignments.expert) {
    MOESIM_CHECK(expert >= 0 && expert < input.num_experts(),
                 "an assignment to an expert that does not exist");
  }
}

}  // namespace

void check_loss_input(const LossInput& input) {
  MOESIM_CHECK(input.num_experts() >= 1, "losses need at least one expert");
  MOESIM_CHECK(input.logits.size() == static_cast<std::size_t>(input.num_tokens()) *
                                          static_cast<std::size_t>(input.num_experts()),
               "losses need one logit per token and expert");
  if (input.top_k < 1 || input.top_k > input.num_experts()) {
    refuse(fmt::format("top_k {} of {} experts", input.top_k, input.num_experts()),
           fmt::format("a whole number from 1 to {}", input.num_experts()), "out-of-range", "");
  }
  if (input.num_zero_experts < 0 || input.num_zero_experts > input.num_experts()) {
    refuse(fmt::format("{} zero-computation experts of {}", input.num_zero_experts, input.num_experts()),
           fmt::format("a whole number from 0 to {}", input.num_experts()), "out-of-range", "");
  }
  if (!(input.zero_expert_weight >= 0) || !std::isfinite(input.zero_expert_weight)) {
    refuse(fmt::format("a weight of zero-computation experts of {}", input.zero_expert_weight),
           "a number that is not negative", "out-of-range", "");
  }
  check_devices(input);
  check_sequences(input);
  check_counts(input);
  check_finite(input.logits, input.num_experts(), "the logit");
  check_noise(input);
}

}  // namespace moesim
