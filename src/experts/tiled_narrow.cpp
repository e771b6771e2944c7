// Like experts/tiled.cpp, with dot products of narrow numbers (experts/kernels/dots.h). Rows of tokens are
// narrowed as they are gathered. Hidden units are first kept as floats: the scale of a row belongs to all of
// them, so a pass of its own narrows them between the two stages.

#include "experts/tiled_narrow.h"

#include <algorithm>

#include "core/checked.h"
#include "core/error.h"
#include "experts/panel_rows.h"

namespace moesim {
namespace {

constexpr EnumName<Activations> kActivationNames[] = {{Activations::float32, "float32"},
                                                      {Activations::bf16, "bf16"},
                                                      {Activations::int8, "int8"},
                                                      {Activations::automatic, "auto"}};

// A task takes at most so many rows and so many bytes of weights, for the reasons of experts/tiled.cpp.
constexpr Index kRowsPerTask = 256;
constexpr std::uint64_t kBytesPerTask = std::uint64_t{512} << 10;
// Groups of the depth that are multiplied at a time: of a tile, what fits the first-level cache. Few tiles
// are gone through once, weights from end to end.
constexpr Index kGroupsPerBlock = 512;
constexpr Index kFewTiles = 2;
constexpr Index kRowsPerPass = 64;
// How far ahead weights are asked for while a panel is multiplied for the first time.
constexpr std::int64_t kBytesAhead = 8 << 10;

// Rows of narrow numbers, tile by tile.
struct NarrowRows {
  Matrix numbers;                // [R, groups] of 4 bytes each
  std::vector<RowScale> scales;  // [R]
  int levels = 127;              // int8: of a magnitude

  void resize(Index rows, Index groups) {
    numbers.resize(rows, groups);
    scales.resize(static_cast<std::size_t>(rows));
  }
};

struct NarrowScratch final : ExecutorScratch {
  std::vector<RowTile> tiles;
  std::vector<PanelTask> tasks;
  NarrowRows in;
  Matrix hidden;  // [R,down_depth], tile by tile, of floats
  NarrowRows narrow_hidden;
};

class NarrowExecutor final : public Executor {
 public:
  NarrowExecutor(WeightType weights, const DotSet& dots)
      : weights_(weights), dots_(dots), kernels_(*dots.floats) {}

  std::string layout() const override {
    return std::string("tiled/") + kernels_.name + "/" + std::string(enum_text(weights_)) + "/" + dots_.name;
  }
  WeightType weight_type() const override { return weights_; }
  const KernelSet* kernels() const override { return &kernels_; }
  bool multiplies_floats() const override { return false; }
  std::uint64_t expert_bytes(const FfnShape& shape) const override {
    int8_levels(std::max(shape.d_model, shape.width));
    return layout_of(shape).bytes;
  }
  void pack(const FfnShape& shape, const FfnUnits& units, std::byte* expert) const override {
    pack_units(layout_of(shape), units, expert);
  }

  std::unique_ptr<ExecutorScratch> make_scratch() const override { return std::make_unique<NarrowScratch>(); }
  std::uint64_t scratch_bytes(const FfnShape& shape, Index rows, int threads) const override {
    const PanelLayout layout = layout_of(shape);
    const char* what = "the rows of the experts";
    const auto u64 = [](Index value) { return static_cast<std::uint64_t>(value); };
    const Index numbers = layout.down_depth + (layout.up_depth + layout.down_depth) / dots_.group;
    const std::uint64_t of_rows =
        checked_product({u64(rows), u64(numbers) * sizeof(float) + 2 * sizeof(RowScale)}, what);
    const Index tiles = kRowsPerTask * panels_within(kBytesPerTask, layout.up_depth, layout);
    return checked_add(
        of_rows, checked_product({u64(tiles), u64(2 * layout.lanes), sizeof(float), u64(threads)}, what),
        what);
  }

 private:
  PanelLayout layout_of(const FfnShape& shape) const {
    return {shape, weights_, kernels_.lanes, dots_.group};
  }
  Index tiles_per_pass() const { return std::max<Index>(1, kRowsPerPass / dots_.max_rows); }

  // row_of(i): the floats of row i of the tile.
  template <class RowOf>
  void narrow_tile(const RowTile& tile, NarrowRows& to, const RowOf& row_of) const {
    for (int i = 0; i < tile.rows; ++i) {
      to.scales[static_cast<std::size_t>(tile.first_row + i)] =
          dots_.narrow_row(row_of(i), {.tile = to.numbers.row(tile.first_row).data(),
                                       .groups = to.numbers.cols(),
                                       .row = i,
                                       .rows = tile.rows,
                                       .levels = to.levels});
    }
  }

  void gather_ffn(const ExpertRows& rows, ExecutorScratch& given, const Context& context) const override {
    auto& scratch = static_cast<NarrowScratch&>(given);
    const PanelLayout layout = layout_of(rows.bank.ffn);
    make_tiles(rows, dots_.max_rows, scratch.tiles);
    scratch.in.resize(rows.num_rows(), layout.up_depth / dots_.group);
    scratch.in.levels = int8_levels(rows.bank.ffn.d_model);
    for_each_tile(scratch.tiles, tiles_per_pass(), context, [&](const RowTile& tile) {
      narrow_tile(tile, scratch.in, [&](int i) -> FloatRow {
        const Index r = tile.first_row + i;
        return {.from = rows.in.from.row(rows.in.token_of(r)).data(),
                .count = rows.in.from.cols,
                .stride = kernels_.lanes,
                .weight = rows.in.weight_of(r)};
      });
    });
  }

  void run_ffn(const ExpertRows& rows, ExecutorScratch& given, const Context& context) const override {
    auto& scratch = static_cast<NarrowScratch&>(given);
    const PanelLayout layout = layout_of(rows.bank.ffn);
    MOESIM_CHECK(scratch.in.numbers.rows() == rows.num_rows() &&
                     scratch.in.numbers.cols() == layout.up_depth / dots_.group,
                 "rows that were not gathered");
    scratch.hidden.resize(rows.num_rows(), layout.down_depth);
    scratch.narrow_hidden.resize(rows.num_rows(), layout.down_depth / dots_.group);
    const auto stage = [&](Index panels, Index depth, const auto& run) {
      make_tasks(scratch.tiles,
                 {panels, std::max<Index>(1, kRowsPerTask / dots_.max_rows),
                  panels_within(kBytesPerTask, depth, layout)},
                 scratch.tasks);
      context.for_each_block(static_cast<Index>(scratch.tasks.size()),
                             [&](Index i) { run(scratch.tasks[static_cast<std::size_t>(i)]); });
    };
    stage(layout.up_panels, layout.up_depth,
          [&](const PanelTask& task) { run_up(rows, layout, task, scratch); });
    scratch.narrow_hidden.levels = int8_levels(rows.bank.ffn.width);
    for_each_tile(scratch.tiles, tiles_per_pass(), context, [&](const RowTile& tile) {
      narrow_tile(tile, scratch.narrow_hidden, [&](int i) -> FloatRow {
        return {.from = scratch.hidden.row(tile.first_row).data() + i * kernels_.lanes,
                .count = layout.down_depth,
                .stride = static_cast<std::int64_t>(tile.rows) * kernels_.lanes,
                .weight = 1.0F};
      });
    });
    stage(layout.down_panels, layout.down_depth,
          [&](const PanelTask& task) { run_down(rows, layout, task, scratch); });
  }

  void run_up(const ExpertRows& rows, const PanelLayout& layout, const PanelTask& task,
              NarrowScratch& scratch) const {
    const std::byte* packed = rows.packed(expert_of(task, scratch));
    multiply(
        layout, scratch.in, task, scratch.tiles, [&](Index p) { return packed + layout.up_panel(p); },
        [&](const PanelSums& sums) {
          activate_panel({kernels_, layout}, packed, sums, scratch.hidden);
        });
  }

  void run_down(const ExpertRows& rows, const PanelLayout& layout, const PanelTask& task,
                const NarrowScratch& scratch) const {
    const std::byte* packed = rows.packed(expert_of(task, scratch));
    multiply(
        layout, scratch.narrow_hidden, task, scratch.tiles,
        [&](Index p) { return packed + layout.down_panel(p); },
        [&](const PanelSums& sums) {
          finish_panel({kernels_, layout}, rows, sums, false);
        });
  }

  static Index expert_of(const PanelTask& task, const NarrowScratch& scratch) {
    return scratch.tiles[static_cast<std::size_t>(task.first_tile)].expert;
  }

  // All tiles of the task by all its panels, block by block of the depth; finish(sums) gets each
  // once, as floats.
  template <class PanelOf, class Finish>
  void multiply(const PanelLayout& layout, const NarrowRows& in, const PanelTask& task,
                const std::vector<RowTile>& tiles, const PanelOf& panel_of, const Finish& finish) const {
    thread_local Matrix all_sums;  // [tiles·panels of a task, max_rows·2V]
    const Index groups = in.numbers.cols();
    const Index block = task.tiles <= kFewTiles ? groups : std::min(groups, kGroupsPerBlock);
    const bool one_block = block == groups;
    all_sums.resize(one_block ? 1 : task.tiles * task.panels, dots_.max_rows * 2 * layout.lanes);
    for (Index g = 0; g < groups; g += block) {
      const bool last = g + block >= groups;
      for (Index p = 0; p < task.panels; ++p) {
        const std::byte* panel =
            panel_of(task.first_panel + p) + static_cast<std::uint64_t>(g * dots_.group) * layout.row_bytes;
        for (Index t = 0; t < task.tiles; ++t) {
          const RowTile& tile = tiles[static_cast<std::size_t>(task.first_tile + t)];
          float* sums = all_sums.row(one_block ? 0 : p * task.tiles + t).data();
          dots_.products[tile.rows - 1]({.groups = std::min(block, groups - g),
                                         .x = in.numbers.row(tile.first_row).data() + g * tile.rows,
                                         .panel = panel,
                                         .acc = sums,
                                         .add = g > 0,
                                         .ahead = t == 0 ? kBytesAhead : 0});
          if (last) {
            if (dots_.settle != nullptr) {
              dots_.settle(tile.rows, sums, in.scales.data() + tile.first_row);
            }
            finish({tile, task.first_panel + p, sums});
          }
        }
      }
    }
  }

  WeightType weights_;
  const DotSet& dots_;
  const KernelSet& kernels_;
};

}  // namespace

std::span<const EnumName<Activations>> enum_names(Activations) {
  return kActivationNames;
}

bool choose_dots(Binder& binder, const std::string& path, const DotsWanted& wanted, const DotSet*& dots) {
  dots = nullptr;
  if (wanted.activations == Activations::float32) {
    return true;
  }
  const std::vector<const DotSet*> usable = usable_dots(wanted.weights, wanted.instructions);
  if (wanted.activations == Activations::automatic) {
    constexpr double kClearlyFaster = 1.2;
    if (!usable.empty() && dot_speed(*usable.front()) >= kClearlyFaster) {
      dots = usable.front();
    }
    return true;
  }
  const std::string type(enum_text(wanted.activations));
  if (type != enum_text(wanted.weights)) {
    binder.error(path + ".activations",
                 type + " activations need " + type + " weights, and these are " +
                     std::string(enum_text(wanted.weights)),
                 "float32, auto or activations of the weights' own type", "types-differ",
                 "write weights: " + type);
    return false;
  }
  if (usable.empty()) {
    binder.error(path + ".activations",
                 "this processor or this build has no products of " + type + " in '" +
                     std::string(enum_text(wanted.instructions)) + "'",
                 "a set that has them", "no-instructions", "write instructions: auto");
    return false;
  }
  dots = usable.front();
  return true;
}

std::unique_ptr<Executor> make_narrow_executor(WeightType weights, const DotSet& dots) {
  return std::make_unique<NarrowExecutor>(weights, dots);
}

}  // namespace moesim
