// Like experts/tiled.cpp, with dot products of narrow numbers (experts/kernels/dots.h). Rows of tokens are
// narrowed as they are gathered, those of several experts once. Hidden units are first kept as floats: the
// scale of a row belongs to all of them, so who makes the last ones of a tile narrows them all.

#include "experts/tiled_narrow.h"

#include <algorithm>
#include <atomic>

#include "core/checked.h"
#include "core/error.h"
#include "experts/panel_rows.h"

namespace moesim {
namespace {

constexpr EnumName<Activations> kActivationNames[] = {{Activations::float32, "float32"},
                                                      {Activations::bf16, "bf16"},
                                                      {Activations::int8, "int8"},
                                                      {Activations::automatic, "auto"}};

// A task takes at most so many rows, so that a hot expert is shared but few others are cut, and so many bytes
// of weights. Groups of the depth are multiplied so many at a time: then a tile's part fits the first-level
// cache. A panel's part comes from the second; shorter ones would not, but sums would come and go more often,
// which costs more.
constexpr Index kRowsPerTask = 384;
constexpr std::uint64_t kBytesPerTask = std::uint64_t{512} << 10;
constexpr Index kGroupsPerBlock = 512;
constexpr Index kRowsPerPass = 64;

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
  std::vector<std::atomic<Index>> done;  // up tasks of the tiles that begin with this one
  NarrowRows tokens;                     // [T], each a tile of its own
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
    levels_of(std::max(shape.d_model, shape.width));
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
    // Tokens that are narrowed once are at most half as many as rows.
    const Index numbers =
        layout.down_depth + (layout.up_depth + layout.up_depth / 2 + layout.down_depth) / dots_.group;
    const std::uint64_t of_rows =
        checked_product({u64(rows), u64(numbers) * sizeof(float) + 3 * sizeof(RowScale)}, what);
    const std::uint64_t of_thread = sums_bytes(kRowsPerTask, kBytesPerTask, layout);
    return checked_add(of_rows, checked_mul(of_thread, u64(threads), what), what);
  }

 private:
  PanelLayout layout_of(const FfnShape& shape) const {
    return {shape, weights_, kernels_.lanes, dots_.group};
  }
  // bf16 has none.
  int levels_of(Index depth) const { return weights_ == WeightType::int8 ? int8_levels(depth) : 0; }
  Index tiles_per_pass() const { return std::max<Index>(1, kRowsPerPass / dots_.max_rows); }

  // row_of(i): the floats of row i of the tile.
  template <class RowOf>
  void narrow_tile(const RowTile& tile, NarrowRows& to, const RowOf& row_of) const {
    for (int i = 0; i < tile.rows; ++i) {
      to.scales[static_cast<std::size_t>(tile.first_row + i)] =
          dots_.narrow_row(row_of(i), place_in(tile, i, to));
    }
  }
  static NarrowRow place_in(const RowTile& tile, int i, NarrowRows& to) {
    return {.tile = to.numbers.row(tile.first_row).data(),
            .groups = to.numbers.cols(),
            .row = i,
            .rows = tile.rows,
            .levels = to.levels};
  }

  void gather_ffn(const ExpertRows& rows, ExecutorScratch& given, const Context& context) const override {
    auto& scratch = static_cast<NarrowScratch&>(given);
    const PanelLayout layout = layout_of(rows.bank.ffn);
    make_tiles(rows, dots_.max_rows, scratch.tiles);
    scratch.in.resize(rows.num_rows(), layout.up_depth / dots_.group);
    scratch.in.levels = levels_of(rows.bank.ffn.d_model);
    const RowSource& in = rows.in;
    const auto narrow_rows = [&](const RowTile& tile, NarrowRows& to, const auto& source_of) {
      narrow_tile(tile, to, [&](int i) -> FloatRow {
        const Index r = tile.first_row + i;
        return {.from = in.from.row(source_of(r)).data(),
                .count = in.from.cols,
                .stride = kernels_.lanes,
                .weight = in.weight_of(r)};
      });
    };
    // Tokens of several experts are narrowed once.
    const bool once = in.weight.empty() && rows.num_rows() >= 2 * in.from.rows;
    if (once) {
      scratch.tokens.resize(in.from.rows, scratch.in.numbers.cols());
      scratch.tokens.levels = scratch.in.levels;
      for_each_block_of(in.from.rows, kRowsPerPass, context, [&](Index t) {
        narrow_rows({0, t, 1}, scratch.tokens, [](Index r) { return r; });
      });
    }
    for_each_tile(scratch.tiles, tiles_per_pass(), context, [&](const RowTile& tile) {
      if (once) {
        place_tile(tile, in, scratch);
      } else {
        narrow_rows(tile, scratch.in, [&](Index r) { return in.token_of(r); });
      }
    });
  }

  void place_tile(const RowTile& tile, const RowSource& in, NarrowScratch& scratch) const {
    for (int i = 0; i < tile.rows; ++i) {
      const Index r = tile.first_row + i;
      const Index token = in.token_of(r);
      scratch.in.scales[static_cast<std::size_t>(r)] = scratch.tokens.scales[static_cast<std::size_t>(token)];
      dots_.place_row(scratch.tokens.numbers.row(token).data(), place_in(tile, i, scratch.in));
    }
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
      const Index most_panels = panels_within(kBytesPerTask, depth, layout);
      make_tasks(scratch.tiles, {panels, std::max<Index>(1, kRowsPerTask / dots_.max_rows), most_panels},
                 scratch.tasks);
      const Index of_same_tiles = (panels + most_panels - 1) / most_panels;
      context.for_each_block(static_cast<Index>(scratch.tasks.size()), [&](Index i) {
        run(scratch.tasks[static_cast<std::size_t>(i)], of_same_tiles);
      });
    };
    scratch.narrow_hidden.levels = levels_of(rows.bank.ffn.width);
    if (scratch.done.size() < scratch.tiles.size()) {
      scratch.done = std::vector<std::atomic<Index>>(scratch.tiles.size());
    }
    for (std::atomic<Index>& done : scratch.done) {
      done.store(0, std::memory_order_relaxed);
    }
    // Hidden units are narrowed by who makes the last ones, while they are near.
    stage(layout.up_panels, layout.up_depth, [&](const PanelTask& task, Index of_same_tiles) {
      run_up(rows, layout, task, scratch);
      std::atomic<Index>& done = scratch.done[static_cast<std::size_t>(task.first_tile)];
      if (done.fetch_add(1, std::memory_order_acq_rel) + 1 == of_same_tiles) {
        narrow_hidden(layout, task, scratch);
      }
    });
    stage(layout.down_panels, layout.down_depth,
          [&](const PanelTask& task, Index) { run_down(rows, layout, task, scratch); });
  }

  void narrow_hidden(const PanelLayout& layout, const PanelTask& task, NarrowScratch& scratch) const {
    for (Index t = task.first_tile; t < task.first_tile + task.tiles; ++t) {
      const RowTile& tile = scratch.tiles[static_cast<std::size_t>(t)];
      narrow_tile(tile, scratch.narrow_hidden, [&](int i) -> FloatRow {
        return {.from = scratch.hidden.row(tile.first_row).data() + i * kernels_.lanes,
                .count = layout.down_depth,
                .stride = static_cast<std::int64_t>(tile.rows) * kernels_.lanes,
                .weight = 1.0F};
      });
    }
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
    const bool streaming = is_streamed(rows.out);
    multiply(
        layout, scratch.narrow_hidden, task, scratch.tiles,
        [&](Index p) { return packed + layout.down_panel(p); },
        [&](const PanelSums& sums) {
          finish_panel({kernels_, layout}, packed, rows, sums, streaming);
        });
    kernels_.end_streams();
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
    const bool one_block = groups <= kGroupsPerBlock;
    all_sums.resize(one_block ? 1 : task.tiles * task.panels, dots_.max_rows * 2 * layout.lanes);
    const auto weights_at = [&](Index p, Index g) {
      return panel_of(task.first_panel + p) + static_cast<std::uint64_t>(g * dots_.group) * layout.row_bytes;
    };
    const Index lines = lines_per_step(layout, task.tiles);
    for (Index g = 0; g < groups; g += kGroupsPerBlock) {
      const Index count = std::min(kGroupsPerBlock, groups - g);
      const bool last = g + count == groups;
      for (Index p = 0; p < task.panels; ++p) {
        const std::byte* weights = weights_at(p, g);
        const std::byte* next = p + 1 < task.panels ? weights_at(p + 1, g)
                                : last              ? weights_at(task.panels, 0)
                                                    : weights_at(0, g + count);
        for (Index t = 0; t < task.tiles; ++t) {
          const RowTile& tile = tiles[static_cast<std::size_t>(task.first_tile + t)];
          float* sums = all_sums.row(one_block ? 0 : p * task.tiles + t).data();
          dots_.products[tile.rows - 1]({.groups = count,
                                         .x = in.numbers.row(tile.first_row).data() + g * tile.rows,
                                         .panel = weights,
                                         .acc = sums,
                                         .add = g > 0,
                                         .scales = last ? in.scales.data() + tile.first_row : nullptr,
                                         .next = next + t * lines * (count / layout.lanes) * kLineBytes,
                                         .lines = static_cast<int>(lines)});
          if (last) {
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
