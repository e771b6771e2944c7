#include "router/noise.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/error.h"

namespace moesim {
namespace {

constexpr EnumName<Noise> kNoises[] = {
    {Noise::none, "none"},     {Noise::gaussian, "gaussian"}, {Noise::gaussian_learned, "gaussian_learned"},
    {Noise::gumbel, "gumbel"}, {Noise::uniform, "uniform"},   {Noise::replace, "replace"}};
constexpr EnumName<NoiseFor> kNoiseFors[] = {{NoiseFor::scores, "scores"},
                                             {NoiseFor::selection, "selection"}};

constexpr double kFastMoeWidth = 0.1;

}  // namespace

std::span<const EnumName<Noise>> enum_names(Noise) {
  return kNoises;
}

std::span<const EnumName<NoiseFor>> enum_names(NoiseFor) {
  return kNoiseFors;
}

double natural_noise_scale(Noise noise, Index num_experts) {
  switch (noise) {
    case Noise::gaussian:
      return 1.0 / static_cast<double>(num_experts);
    case Noise::uniform:
      return kFastMoeWidth;
    case Noise::none:
    case Noise::gaussian_learned:
    case Noise::gumbel:
    case Noise::replace:
      return 1.0;
  }
  throw_internal(__FILE__, __LINE__, "an unknown noise");
}

std::vector<float> expert_skew(RandomKey key, double deviation, Index num_experts) {
  std::vector<float> skew(deviation > 0.0 ? static_cast<std::size_t>(num_experts) : 0);
  fill_normal(key, 0, static_cast<float>(deviation), skew);
  return skew;
}

void add_noise(const NoiseRule& rule, const NoisePlace& place, std::span<const float> deviation,
               std::span<const float> logits, std::span<float> noisy) {
  switch (rule.noise) {
    case Noise::none:
      std::copy(logits.begin(), logits.end(), noisy.begin());
      return;
    case Noise::gaussian:
    case Noise::gaussian_learned:
      fill_normal(place.key, place.token, static_cast<float>(rule.scale), noisy);
      for (std::size_t e = 0; e < noisy.size(); ++e) {
        noisy[e] = logits[e] + noisy[e] * (deviation.empty() ? 1.0F : deviation[e]);
      }
      return;
    case Noise::replace:
      fill_normal(place.key, place.token, static_cast<float>(rule.scale), noisy);
      std::transform(rule.skew.begin(), rule.skew.end(), noisy.begin(), noisy.begin(), std::plus<>());
      return;
    case Noise::gumbel:
    case Noise::uniform: {
      RandomSequence sequence(place.key, place.token);
      for (std::size_t e = 0; e < noisy.size(); ++e) {
        const double u = sequence.next_open_uniform();
        const double drawn = rule.noise == Noise::gumbel ? -std::log(-std::log(u)) * rule.scale
                                                         : 1.0 - rule.scale + 2.0 * rule.scale * u;
        noisy[e] = static_cast<float>(logits[e] + drawn);
      }
      return;
    }
  }
}

}  // namespace moesim
