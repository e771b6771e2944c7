#pragma once
// Random numbers as a function: the same (seed, stream, layer, index) gives the same numbers on any thread
// and in any order. Counter-based generator: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as
// easy as 1, 2, 3"; Random123).

#include <array>
#include <cstdint>
#include <span>

namespace moesim {

// What a number is for. Adding a stream never shifts the numbers of another.
enum class Stream : std::uint32_t {
  embedding = 1,
  gate_weight = 2,
  gate_bias = 3,
  expert_weight = 4,
  shared_weight = 5,
  dense_weight = 6,
  cluster_centre = 7,
  cluster_choice = 8,
  cluster_noise = 9,
  topic = 10,
  topic_word = 11,
  random_router = 12,
  hash_router = 13,
  drop_rule = 14,
  noise_floor = 15,
  task_delay = 16,
  yardstick = 17,
  router_noise = 18,
  test = 19,
  sweep = 20,
  router_jitter = 21,
  gate_projection = 22,
  gate_noise = 23,
  second_expert = 24,
  router_skew = 25,
  closed_loop_skew = 30,
  closed_loop_drift = 31,
  closed_loop_token = 32,
  synthetic_logits = 33,
  drawn_router = 34,
  trace_mix = 40,
  trace_generator = 41,
};

struct RandomKey {
  std::uint64_t seed = 0;
  Stream stream = Stream::test;
  std::uint32_t layer = 0;  // below 2^24
};

// 128 random bits number `block` of item `index`.
std::array<std::uint32_t, 4> random_bits(RandomKey key, std::uint64_t index, std::uint32_t block = 0);

// Independent normal numbers (mean 0, deviation `scale`) for item `index`.
void fill_normal(RandomKey key, std::uint64_t index, float scale, std::span<float> out);

// The numbers of item `index`, one after the other.
class RandomSequence {
 public:
  RandomSequence(RandomKey key, std::uint64_t index) : key_(key), index_(index) {}

  std::uint32_t next();
  double next_uniform();                          // in [0, 1)
  double next_open_uniform();                     // in (0, 1): its logarithm is finite and not 0
  std::uint32_t next_below(std::uint32_t bound);  // in [0, bound), unbiased; bound >= 1

 private:
  RandomKey key_;
  std::uint64_t index_;
  std::uint32_t block_ = 0;
  std::uint32_t used_ = 4;
  std::array<std::uint32_t, 4> bits_{};
};

}  // namespace moesim
