// DeepSeek-V2's losses over devices (arXiv:2405.04434, section 2.2.3): experts lie on D devices in equal
// runs.
//
// deepseek_device: f'_d is the mean of f_i = E/(kT)·count over the device's experts, P'_d the sum of their
// mean scores. Both sum over d to D and 1, so that balance gives 1.
//
// deepseek_comm: f''_d = D/(M·T)·tokens sent to device d, where a token goes to at most M devices. A token
// that needs fewer than M is counted once for each device it needs, so the loss falls below 1.

#include <algorithm>

#include "balance/factor_loss.h"
#include "balance/loss_variants.h"

namespace moesim {
namespace {

Index experts_per_device(const LossInput& input) {
  return input.num_experts() / input.num_devices;
}

Index most_devices(const LossInput& input) {
  return input.max_devices > 0 ? input.max_devices : std::min(input.num_devices, input.top_k);
}

// [E]: each expert gets its device's number.
std::vector<double> spread(const LossInput& input, const std::vector<double>& of_device) {
  std::vector<double> factors;
  for (Index e = 0; e < input.num_experts(); ++e) {
    factors.push_back(of_device[e / experts_per_device(input)]);
  }
  return factors;
}

Loss device_loss(const LossInput& input) {
  return share_loss(input, [&input](TokenRange group) {
    const std::vector<double> shares = choice_shares(input, group);
    std::vector<double> loads(static_cast<std::size_t>(input.num_devices));
    for (Index e = 0; e < input.num_experts(); ++e) {
      loads[e / experts_per_device(input)] += shares[e];
    }
    // E/k for f, over E/D experts.
    return spread(input,
                  scaled(loads, static_cast<double>(input.num_devices) / static_cast<double>(input.top_k)));
  });
}

Loss communication_loss(const LossInput& input) {
  return share_loss(input, [&input](TokenRange group) {
    std::vector<double> sent(static_cast<std::size_t>(input.num_devices));
    std::vector<Index> last_token(sent.size(), -1);  // that was sent to the device
    std::vector<std::int32_t> scratch;
    for (Index t = group.first; t < group.last; ++t) {
      for (const std::int32_t expert : chosen_by(input, t, scratch)) {
        const Index device = expert / experts_per_device(input);
        sent[device] += last_token[device] == t ? 0 : 1;
        last_token[device] = t;
      }
    }
    return spread(input, scaled(sent, static_cast<double>(input.num_devices) /
                                          (static_cast<double>(most_devices(input)) * group.size())));
  });
}

std::string needs_devices(const LossInput& input) {
  return input.num_devices == 1 ? "all experts are on one device" : "";
}

}  // namespace

LossEntry loss_deepseek_device() {
  return {
      .name = "deepseek_device",
      .summary = "the same work for each device, whatever its experts get",
      .formula =
          "sum_d f'_d P'_d, f'_d = mean of E/(k T) * count over the device's experts, P'_d = sum of their P",
      .at_balance = "1",
      .default_weight = "5e-2 DeepSeek-V2",
      .users = "DeepSeekMoE 145B, DeepSeek-V2",
      .origin = "DeepSeek-V2, arXiv:2405.04434, equations 26 to 28",
      .function = device_loss,
      .balanced = balanced_at_one,
      .why_not = needs_devices};
}

LossEntry loss_deepseek_comm() {
  return {.name = "deepseek_comm",
          .summary = "the same number of tokens sent to each device",
          .formula =
              "sum_d f''_d P'_d, f''_d = D/(M T) * tokens sent to device d, P'_d = sum of its experts' P; M: "
              "the most "
              "devices a token may reach, min(D, k)",
          .at_balance = "mean number of devices a token uses / M: at most 1",
          .default_weight = "2e-2 DeepSeek-V2",
          .users = "DeepSeek-V2",
          .origin = "DeepSeek-V2, arXiv:2405.04434, equations 29 to 31",
          .function = communication_loss,
          .balanced = never_balanced,
          .why_not = needs_devices};
}

}  // namespace moesim
