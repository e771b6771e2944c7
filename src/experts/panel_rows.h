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
void finish_panel(const PanelKernels& with, const std::byte* packed, const ExpertRows& rows,
                  const PanelSums& from, bool streaming);

// Panels of so many steps of the depth that have at most so many bytes; at least one.
Index panels_within(std::uint64_t bytes, Index depth, const PanelLayout& layout);
// Bytes of the sums of a task of either product: at most so many rows, and panels of so many bytes of
// weights.
std::uint64_t sums_bytes(Index rows, std::uint64_t bytes, const PanelLayout& layout);

// Rows that leave the caches before they are read again, so that they are stored past them.
bool is_streamed(const MutableMatrixView& rows);

constexpr Index kLineBytes = 64;
// The cache lines that the kernels ask for in V steps of the depth (V groups) of one of so many tiles: those
// of a panel are shared among the tiles it is multiplied by.
Index lines_per_step(const PanelLayout& layout, Index tiles);

// body(i) for i in [0, count), in parallel, so many a block.
template <class Body>
void for_each_block_of(Index count, Index per_block, const Context& context, const Body& body) {
  context.for_each_block((count + per_block - 1) / per_block, [&](Index block) {
    for (Index i = block * per_block; i < std::min(count, (block + 1) * per_block); ++i) {
      body(i);
    }
  });
}

// body(tile) for all tiles, in parallel, so many tiles a block.
template <class Body>
void for_each_tile(const std::vector<RowTile>& tiles, Index per_block, const Context& context,
                   const Body& body) {
  for_each_block_of(static_cast<Index>(tiles.size()), per_block, context,
                    [&](Index t) { body(tiles[static_cast<std::size_t>(t)]); });
}

}  // namespace moesim
