#pragma once
// Private to this room: what the executors of packed panels (experts/tiled.cpp, experts/tiled_narrow.cpp) do
// alike.

#include <algorithm>

#include "experts/kernels/kernels.h"
#include "experts/kernels/panels.h"
#include "experts/schedule.h"

namespace moesim {

struct PanelKernels {
  const KernelSet& kernels;
  const PanelLayout& layout;
};
// The finished sums of one tile and one panel, as floats.
struct PanelSums {
  const RowTile& tile;
  Index panel;
  const float* sums;  // [rows][2V]
};

// Of an up panel → hidden units in the rows of the tile; `packed`: the expert. hidden [R,down_depth].
void activate_panel(const PanelKernels& with, const std::byte* packed, const PanelSums& from, Matrix& hidden);
// Of a down panel → columns of the output; streaming: past the caches.
void finish_panel(const PanelKernels& with, const ExpertRows& rows, const PanelSums& from, bool streaming);

// Panels of so many steps of the depth that have at most so many bytes; at least one.
Index panels_within(std::uint64_t bytes, Index depth, const PanelLayout& layout);

// body(tile) for all tiles, in parallel, so many tiles a block.
template <class Body>
void for_each_tile(const std::vector<RowTile>& tiles, Index per_block, const Context& context,
                   const Body& body) {
  const auto count = static_cast<Index>(tiles.size());
  context.for_each_block((count + per_block - 1) / per_block, [&](Index block) {
    for (Index t = block * per_block; t < std::min(count, (block + 1) * per_block); ++t) {
      body(tiles[static_cast<std::size_t>(t)]);
    }
  });
}

}  // namespace moesim
