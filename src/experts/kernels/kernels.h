#pragma once
// Private to this room: the innermost loops, once for each instruction set, as plain function pointers. This
// header is read by files that are compiled for different instruction sets, so it holds plain types only: no
// template and no inline function, of which the linker would keep one copy for all.
//
// V, the lanes of a vector, and the most rows of a tile belong to the instruction set. A panel is 2V columns
// of a matrix of weights, the depth innermost: [depth][2V]. A tile is up to max_rows rows of activations,
// packed as [depth/V][rows][V], so that one pass reads it from end to end. Depths are multiples of V; what
// a matrix lacks is filled up with zeros. A panel of bf16 is [depth][V] words of 32 bits, column j in the low
// half and column V+j in the high half; one of int8 has its scales elsewhere.
//
// Every number of a product is one chain of multiply-adds in the order of the depth, whatever the number of
// rows and wherever the depth is cut into blocks: its bits depend on its own row and column alone.

#include <cstdint>

#include "core/activation.h"
#include "experts/weight_type.h"

namespace moesim {

// acc[rows][2V] = (add ? acc : 0) + x·panel, over `depth` of both. Meanwhile it asks for `lines` cache lines
// from `next` on for every V of the depth: weights that will be needed soon, which would otherwise be waited
// for.
struct PanelStep {
  std::int64_t depth;
  const float* x;
  const void* panel;
  float* acc;
  bool add;
  const void* next;
  int lines;
};
using PanelProduct = void (*)(const PanelStep& step);

// One row of floats, times `scale`, into a row of a tile; beyond `count` zeros, up to `depth`. Streaming:
// past the caches.
struct PackRow {
  const float* from;
  std::int64_t count;
  float scale;
  std::int64_t depth;
  int row, rows;
  float* tile;
  bool streaming;
};

// Sums of one tile and one up panel → hidden units, packed as the tile of the next product. A gated panel
// holds V columns of gate_proj and V of up, and makes V units; another one makes 2V.
struct ActivateTile {
  Activation activation;
  int rows;
  const float* acc;           // [rows][2V]
  const float* column_scale;  // [2V], or null
  const float* column_bias;   // [2V], or null: added to the scaled sums
  const float* unit_scale;    // [units], or null: of the rows of `down` that the units meet next
  float* hidden;              // [1 or 2][rows][V]
};

// Sums of one tile and one down panel → rows of the output: (sum + bias)·weight.
struct FinishTile {
  int rows;
  const float* acc;         // [rows][2V]
  const float* bias;        // [2V], or null
  const float* row_weight;  // [rows], or null
  float* out;               // row r at out + r·stride
  std::int64_t stride;
  int columns;     // at most 2V
  bool streaming;  // past the caches
};

struct KernelSet {
  const char* name;
  int lanes;                                   // V
  int max_rows;                                // of a tile
  const PanelProduct* products[kWeightTypes];  // [rows − 1]
  // A panel of another type as float32, the same values as its product uses. Null for float32.
  void (*expand[kWeightTypes])(std::int64_t depth, const void* panel, float* to);
  void (*pack_row)(const PackRow& row);
  void (*activate)(const ActivateTile& tile);
  void (*finish)(const FinishTile& tile);
  void (*end_streams)();  // by the thread that streamed, before another one reads
  // The machine's limits, to compare with: `iterations` times 2·max_rows independent multiply-adds of V
  // numbers each that never leave the registers, and the sum of `count` floats, read once from end to end.
  // Both return a value so that the work is not removed.
  float (*multiply_add_loop)(std::int64_t iterations);
  float (*read_loop)(const float* from, std::int64_t count);
};

// Null where the compiler cannot make them. Whether the processor has the instructions is another question:
// experts/kernels/choose.h.
const KernelSet* kernels_avx512();
const KernelSet* kernels_avx2();
const KernelSet* kernels_portable();

}  // namespace moesim
