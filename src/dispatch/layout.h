#pragma once
// How many rows the layouts of expert batches hold for the same loads: what is above the loads themselves is
// padding, computed and thrown away.

#include <cstdint>
#include <span>

#include "core/matrix.h"

namespace moesim {

enum class Layout {
  to_largest,   // every expert as many rows as the busiest: megablocks and Tutel at factor 0, DeepSpeed with
                // drop_tokens=False
  to_capacity,  // every expert as many rows as it may take: GShard, mesh-tensorflow, DeepSpeed
  in_blocks,    // every expert up to whole blocks, none for an idle one: megablocks dMoE
};

// Rows of a block in megablocks (databricks/megablocks megablocks/layers/dmoe.py, `blocking`).
constexpr Index kMegablocksRows = 128;

struct LayoutInput {
  std::span<const std::uint64_t> loads;  // [E] rows computed by each expert
  Layout layout = Layout::to_largest;
  Index size = 0;  // to_capacity: the capacity, at least every load; in_blocks: rows of a block, at least 1
};

// Rows held, Σ align(n_i): a whole number, exact below 2^53.
double layout_rows(const LayoutInput& input);

// (Σ align(n_i) − Σ n_i) / Σ n_i, from the two sums; 0 where nothing is used. With to_largest this is the
// max_violation of the loads.
double padding_waste(double held, double used);

}  // namespace moesim
