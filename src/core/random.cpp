#include "core/random.h"

#include <Random123/philox.h>
#include <algorithm>

#include <cmath>
#include <numbers>

namespace moesim {

std::array<std::uint32_t, 4> random_bits(RandomKey key, std::uint64_t index, std::uint32_t block) {
  const r123::Philox4x32::ctr_type counter = {
      {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), block,
       (static_cast<std::uint32_t>(key.stream) << 24) | (key.layer & 0xffffffu)}};
  const r123::Philox4x32::key_type philox_key = {
      {static_cast<std::uint32_t>(key.seed), static_cast<std::uint32_t>(key.seed >> 32)}};
  const r123::Philox4x32::ctr_type bits = r123::Philox4x32()(counter, philox_key);
  return {bits[0], bits[1], bits[2], bits[3]};
}

void fill_normal(RandomKey key, std::uint64_t index, float scale, std::span<float> out) {
  // Box and Muller 1958: two uniform numbers give two independent normal ones.
  constexpr double kUnit = 1.0 / 4294967296.0;
  for (std::size_t i = 0; i < out.size(); i += 4) {
    const std::array<std::uint32_t, 4> bits = random_bits(key, index, static_cast<std::uint32_t>(i / 4));
    for (std::size_t half = 0; half < 2; ++half) {
      const double u = (bits[2 * half] + 0.5) * kUnit;
      const double angle = 2.0 * std::numbers::pi * (bits[2 * half + 1] + 0.5) * kUnit;
      const double radius = std::sqrt(-2.0 * std::log(u)) * scale;
      const std::size_t at = i + 2 * half;
      if (at < out.size()) {
        out[at] = static_cast<float>(radius * std::cos(angle));
      }
      if (at + 1 < out.size()) {
        out[at + 1] = static_cast<float>(radius * std::sin(angle));
      }
    }
  }
}

std::uint32_t RandomSequence::next() {
  if (used_ == bits_.size()) {
    bits_ = random_bits(key_, index_, block_++);
    used_ = 0;
  }
  return bits_[used_++];
}

double RandomSequence::next_uniform() {
  const std::uint64_t high = next() >> 5;
  const std::uint64_t low = next() >> 6;
  return static_cast<double>((high << 26) | low) * (1.0 / 9007199254740992.0);
}

double RandomSequence::next_open_uniform() {
  return std::max(next_uniform(), 0x1p-54);
}

std::uint32_t RandomSequence::next_below(std::uint32_t bound) {
  // Lemire 2019 (arXiv:1805.10941): multiply, and reject the few values that would bias the result.
  std::uint64_t product = static_cast<std::uint64_t>(next()) * bound;
  if (static_cast<std::uint32_t>(product) < bound) {
    const std::uint32_t threshold = (0u - bound) % bound;
    while (static_cast<std::uint32_t>(product) < threshold) {
      product = static_cast<std::uint64_t>(next()) * bound;
    }
  }
  return static_cast<std::uint32_t>(product >> 32);
}

}  // namespace moesim
