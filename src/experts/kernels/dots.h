#pragma once
// Private to this room: products of narrow weights by activations as narrow as they, in the processor's dot
// product instructions, or in what does the same without them. Plain types only, for the reasons of
// experts/kernels/kernels.h, whose words are used here too.
//
// The depth goes by groups of 4 bytes, which one lane multiplies at a time: 4 numbers of int8, 2 of bf16. A
// panel is [groups][2V][group], a tile [groups/V][rows][V][group]. Groups are a multiple of V; what a matrix
// lacks is filled up with zeros of the tile, so that the panel may hold anything there.
//
// int8: weights are kept plus 128, as uint8, activations as int8 times the scale of their row. Sums are int32
// and exact, so every set gives the same bits. The sum of x·(w + 128) is that of x·w and 128·Σx, which is
// taken off at the end. It may wrap around on the way; what is left of it at the end does not
// (experts/kernels/choose_dots.h, int8_levels).
// bf16: sums are float32. A chain of multiply-adds, the second number of each group before the first, like
// the instruction, which counts denormal numbers as zero; the other sets do not.

#include <cstdint>

#include "experts/kernels/kernels.h"

namespace moesim {

// What the narrow numbers of a row must be multiplied by, and 128 times their sum.
struct RowScale {
  float scale;
  std::uint32_t offset;
};

// acc[rows][2V] = (add ? acc : 0) + x·panel, over so many groups of both. int8: with the last groups come the
// scales of the rows, [rows], and the sums become floats: with the offsets taken off, times the scales.
// Meanwhile it asks for `lines` cache lines from `next` on for every V groups, as PanelStep does.
struct DotStep {
  std::int64_t groups;
  const void* x;
  const void* panel;
  void* acc;  // int32 or float
  bool add;
  const RowScale* scales;  // null: more groups follow
  const void* next;
  int lines;
};
using DotProduct = void (*)(const DotStep& step);

// One row of floats, times `weight`. Its vectors of V begin `stride` floats apart.
struct FloatRow {
  const float* from;
  std::int64_t count;
  std::int64_t stride;
  float weight;
};
// Where its narrow numbers go: row `row` of a tile.
struct NarrowRow {
  void* tile;
  std::int64_t groups;  // of the tile: beyond the row's numbers zeros
  int row;
  int rows;
  int levels;  // int8: the largest magnitude, at most 127
};

struct DotSet {
  const char* name;         // type and instruction
  const KernelSet* floats;  // of the same V: what else there is to do
  int group;
  int max_rows;                // of a tile
  const DotProduct* products;  // [rows − 1]
  // Rounded to nearest, ties to even. int8: the largest magnitude of the row becomes `levels`; rows that are
  // below 2^-100 everywhere count as zero; a row with a NaN or an infinity gets the scale NaN.
  RowScale (*narrow_row)(const FloatRow& from, const NarrowRow& to);
  // A row that was narrowed into a tile of its own, into a row of another.
  void (*place_row)(const void* from, const NarrowRow& to);
  // `iterations` times 2·max_rows independent dot products of V groups each whose sums never leave the
  // registers; returns a value so that the work is not removed. `seed`: 64 bytes, anything.
  float (*dot_loop)(std::int64_t iterations, const void* seed);
};

// Null where the compiler cannot make them. Whether the processor has the instructions is another question:
// experts/kernels/choose_dots.h.
const DotSet* dots_int8_avx512_vnni();
const DotSet* dots_int8_avx_vnni();
const DotSet* dots_int8_avx2();
const DotSet* dots_int8_portable();
const DotSet* dots_bf16_avx512();
const DotSet* dots_bf16_avx2();
const DotSet* dots_bf16_portable();

}  // namespace moesim
