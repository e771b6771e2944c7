#pragma once
// Private to this room: where the weights of one expert lie when they are packed for the kernels, and the
// packing, done once when a bank is made.
//
// First the up panels: each holds the weights into `units_per_panel` hidden units, gate_proj beside up when
// gated. Then the down panels, each 2V columns of the output. Then, for int8, a float for every column of the
// up panels and one for every hidden unit: the scales of the rows of up, gate_proj and down. Then, where
// there are biases, a float for every column of the up panels and of the down panels. For dot products
// (experts/kernels/dots.h) the depth goes by groups.

#include <cstddef>

#include "experts/bank.h"
#include "experts/kernels/kernels.h"

namespace moesim {

struct PanelLayout {
  PanelLayout(const FfnShape& shape, WeightType type, int lanes, int group = 1);

  FfnShape shape;
  WeightType type;
  int lanes;                   // V
  int group;                   // steps of the depth that lie together, column by column; 1: no dot products
  Index units_per_panel;       // V when gated, else 2V
  Index up_panels;             // ⌈F / units_per_panel⌉
  Index down_panels;           // ⌈D / 2V⌉
  Index up_depth;              // D up to a multiple of V·group
  Index down_depth;            // F up to a multiple of units_per_panel and of V·group
  std::uint64_t row_bytes;     // of one step of the depth of a panel
  std::uint64_t down_begin;    // byte of the first down panel
  std::uint64_t scales_begin;  // byte of the scales
  std::uint64_t biases_begin;  // byte of the biases
  std::uint64_t bytes;         // of the expert, a multiple of 64

  std::uint64_t up_panel(Index p) const { return static_cast<std::uint64_t>(p * up_depth) * row_bytes; }
  std::uint64_t down_panel(Index p) const {
    return down_begin + static_cast<std::uint64_t>(p * down_depth) * row_bytes;
  }
  bool scaled() const { return type == WeightType::int8; }
  // Of 2V columns of an up panel and of a down panel; null where there are none.
  const float* up_bias(const std::byte* expert, Index p) const { return bias_at(expert, p * 2 * lanes); }
  const float* down_bias(const std::byte* expert, Index p) const {
    return bias_at(expert, (up_panels + p) * 2 * lanes);
  }

 private:
  const float* bias_at(const std::byte* expert, Index place) const {
    return shape.biases ? reinterpret_cast<const float*>(expert + biases_begin) + place : nullptr;
  }
};

// Puts some hidden units of an expert into their places. units.first must be a multiple of 2V; calls for
// different units may run at the same time. What no unit fills must be zero beforehand.
void pack_units(const PanelLayout& layout, const FfnUnits& units, std::byte* expert);

}  // namespace moesim
