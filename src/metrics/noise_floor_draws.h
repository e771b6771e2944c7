#pragma once
// Private to this room: the two ways to draw the loads of a uniform router, so that they can be compared at a
// size where both are possible.

#include <cstdint>
#include <span>

#include "metrics/noise_floor.h"

namespace moesim {

// Above so many assignments in all draws together noise_floor() takes the normal approximation.
inline constexpr std::uint64_t kMaxDrawnAssignments = 10'000'000;
inline constexpr int kNoiseFloorDraws = 200;

// noise_floor() with another limit: 0 always approximates.
NoiseFloor noise_floor_within(std::uint64_t max_drawn_assignments, std::span<const Counts> layers,
                              std::int64_t num_experts, std::uint64_t seed);

}  // namespace moesim
