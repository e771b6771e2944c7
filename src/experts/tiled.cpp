// The parallel executor: products of packed panels of weights by packed tiles of rows, in the kernels of
// experts/kernels.
//
// Two stages with a join between them: up panels, whose sums become hidden units in the layout the next
// product reads, and down panels. A task is some tiles of one expert by some panels; it writes only its own
// units or columns. Every number is one chain of multiply-adds in the order of the depth, or the sum of a
// chain a block of it, so its bits depend neither on the tile it is in nor on threads.

#include <algorithm>
#include <functional>

#include "core/checked.h"
#include "core/error.h"
#include "experts/kernels/choose.h"
#include "experts/panel_rows.h"
#include "experts/tiled_narrow.h"
#include "experts/variants.h"

namespace moesim {
namespace {

// How the products of a sum are added up.
enum class Sums { chain, blocks };
constexpr EnumName<Sums> kSumsNames[] = {{Sums::chain, "chain"}, {Sums::blocks, "blocks"}};
std::span<const EnumName<Sums>> enum_names(Sums) {
  return kSumsNames;
}

struct TiledParams {
  WeightType weights = WeightType::float32;
  Activations activations = Activations::float32;
  InstructionSet instructions = InstructionSet::automatic;
  Sums sums = Sums::chain;
};
void describe(Fields<TiledParams>& f) {
  f.add("weights", &TiledParams::weights).doc("how the weights of the experts are stored; sums are float32");
  f.add("activations", &TiledParams::activations)
      .doc(
          "rows that meet the weights; bf16, int8: with weights of that type, in dot products; auto: the "
          "weights' type where this processor's dot product is faster, else float32");
  f.add("instructions", &TiledParams::instructions)
      .doc("instruction set of the kernels; auto: the best this processor has");
  f.add("sums", &TiledParams::sums)
      .only_when([](const TiledParams& p) { return p.activations == Activations::float32; },
                 "executor.activations is not float32")
      .doc(
          "one chain of additions for each number, or one for each 128 steps of the depth, added up: rounds "
          "less "
          "where the depth is in the thousands");
}

// A task takes at most so many rows, so that a hot expert is shared, and so many bytes of weights. Steps of
// the depth are multiplied so many at a time: then a panel's part, a tile's, and the part asked for next fit
// the first-level cache, and the parts of all tiles and their sums the second.
constexpr Index kRowsPerTask = 192;
constexpr std::uint64_t kBytesPerTask = std::uint64_t{1} << 20;
constexpr Index kDepthBlock = 128;
// From so many tiles on, narrow weights are widened once for all of them.
constexpr Index kTilesWorthWidening = 3;
constexpr Index kRowsPerPackBlock = 64;

struct TiledScratch final : ExecutorScratch {
  std::vector<RowTile> tiles;
  std::vector<PanelTask> tasks;
  Matrix in;      // [R,up_depth], tile by tile
  Matrix hidden;  // [R,down_depth], tile by tile
};

// Memory of one thread, kept between calls.
struct ThreadScratch {
  Matrix sums;   // [tiles·panels of a task, max_rows·2V]
  Matrix panel;  // [kDepthBlock,2V]
  Matrix block;  // [max_rows,2V] of one block of the depth, where blocks are added up
};

// One of the two products: which panels, how deep, and where a finished tile goes.
struct Product {
  const PanelLayout& layout;
  Index depth;
  const float* in;  // tile t begins at row first_row of `depth` numbers each
};

class TiledExecutor final : public Executor {
 public:
  TiledExecutor(const TiledParams& params, const KernelSet& kernels) : params_(params), kernels_(kernels) {}

  std::string layout() const override {
    return std::string("tiled/") + kernels_.name + "/" + std::string(enum_text(params_.weights));
  }
  WeightType weight_type() const override { return params_.weights; }
  const KernelSet* kernels() const override { return &kernels_; }
  std::uint64_t expert_bytes(const FfnShape& shape) const override { return layout_of(shape).bytes; }
  void pack(const FfnShape& shape, const FfnUnits& units, std::byte* expert) const override {
    pack_units(layout_of(shape), units, expert);
  }

  std::unique_ptr<ExecutorScratch> make_scratch() const override { return std::make_unique<TiledScratch>(); }
  std::uint64_t scratch_bytes(const FfnShape& shape, Index rows, int threads) const override {
    const PanelLayout layout = layout_of(shape);
    const char* what = "the rows of the experts";
    const std::uint64_t of_rows =
        checked_product({static_cast<std::uint64_t>(rows),
                         static_cast<std::uint64_t>(layout.up_depth + layout.down_depth), sizeof(float)},
                        what);
    const std::uint64_t of_thread =
        checked_add(sums_bytes(kRowsPerTask, kBytesPerTask, layout),
                    static_cast<std::uint64_t>(kDepthBlock * 2 * kernels_.lanes) * sizeof(float), what);
    return checked_add(of_rows, checked_mul(of_thread, static_cast<std::uint64_t>(threads), what), what);
  }

 private:
  PanelLayout layout_of(const FfnShape& shape) const { return {shape, params_.weights, kernels_.lanes}; }

  void gather_ffn(const ExpertRows& rows, ExecutorScratch& given, const Context& context) const override {
    auto& scratch = static_cast<TiledScratch&>(given);
    const PanelLayout layout = layout_of(rows.bank.ffn);
    make_tiles(rows, kernels_.max_rows, scratch.tiles);
    scratch.in.resize(rows.num_rows(), layout.up_depth);
    const bool streaming = is_streamed(scratch.in.view());
    for_each_tile(scratch.tiles, kRowsPerPackBlock / kernels_.max_rows, context,
                  [&](const RowTile& tile) { pack_tile(rows, tile, layout, streaming, scratch.in); });
  }

  void pack_tile(const ExpertRows& rows, const RowTile& tile, const PanelLayout& layout, bool streaming,
                 Matrix& in) const {
    float* to = in.row(tile.first_row).data();
    for (int i = 0; i < tile.rows; ++i) {
      const Index r = tile.first_row + i;
      const std::span<const float> from = rows.in.from.row(rows.in.token_of(r));
      kernels_.pack_row({.from = from.data(),
                         .count = rows.in.from.cols,
                         .scale = rows.in.weight_of(r),
                         .depth = layout.up_depth,
                         .row = i,
                         .rows = tile.rows,
                         .tile = to,
                         .streaming = streaming});
    }
    kernels_.end_streams();
  }

  void run_ffn(const ExpertRows& rows, ExecutorScratch& given, const Context& context) const override {
    auto& scratch = static_cast<TiledScratch&>(given);
    const PanelLayout layout = layout_of(rows.bank.ffn);
    MOESIM_CHECK(scratch.in.rows() == rows.num_rows() && scratch.in.cols() == layout.up_depth,
                 "rows that were not gathered");
    scratch.hidden.resize(rows.num_rows(), layout.down_depth);
    const auto stage = [&](Index panels, Index depth, const auto& run) {
      make_tasks(scratch.tiles,
                 {panels, std::max<Index>(1, kRowsPerTask / kernels_.max_rows),
                  panels_within(kBytesPerTask, depth, layout)},
                 scratch.tasks);
      context.for_each_block(static_cast<Index>(scratch.tasks.size()),
                             [&](Index i) { run(scratch.tasks[static_cast<std::size_t>(i)]); });
    };
    stage(layout.up_panels, layout.up_depth,
          [&](const PanelTask& task) { run_up(rows, layout, task, scratch); });
    stage(layout.down_panels, layout.down_depth,
          [&](const PanelTask& task) { run_down(rows, layout, task, scratch); });
  }

  void run_up(const ExpertRows& rows, const PanelLayout& layout, const PanelTask& task,
              TiledScratch& scratch) const {
    const std::byte* packed = rows.packed(expert_of(task, scratch));
    multiply(
        {layout, layout.up_depth, scratch.in.data()}, task, scratch.tiles,
        [&](Index p) { return packed + layout.up_panel(p); },
        [&](const PanelSums& sums) {
          activate_panel({kernels_, layout}, packed, sums, scratch.hidden);
        });
  }

  void run_down(const ExpertRows& rows, const PanelLayout& layout, const PanelTask& task,
                const TiledScratch& scratch) const {
    const std::byte* packed = rows.packed(expert_of(task, scratch));
    const bool streaming = is_streamed(rows.out);
    multiply(
        {layout, layout.down_depth, scratch.hidden.data()}, task, scratch.tiles,
        [&](Index p) { return packed + layout.down_panel(p); },
        [&](const PanelSums& sums) {
          finish_panel({kernels_, layout}, packed, rows, sums, streaming);
        });
    kernels_.end_streams();
  }

  static Index expert_of(const PanelTask& task, const TiledScratch& scratch) {
    return scratch.tiles[static_cast<std::size_t>(task.first_tile)].expert;
  }

  // All tiles of the task by all its panels, block by block of the depth; finish(sums) gets each
  // once.
  template <class PanelOf, class Finish>
  void multiply(const Product& product, const PanelTask& task, const std::vector<RowTile>& tiles,
                const PanelOf& panel_of, const Finish& finish) const {
    thread_local ThreadScratch scratch;
    const auto type = static_cast<std::size_t>(product.layout.type);
    const bool widen = kernels_.expand[type] != nullptr && task.tiles >= kTilesWorthWidening;
    const PanelProduct* products = kernels_.products[widen ? 0 : type];
    const bool one_block = product.depth <= kDepthBlock;
    scratch.sums.resize(one_block ? 1 : task.tiles * task.panels, kernels_.max_rows * 2 * kernels_.lanes);
    scratch.block.resize(params_.sums == Sums::blocks ? kernels_.max_rows : 0, 2 * kernels_.lanes);
    scratch.panel.resize(widen ? kDepthBlock : 0, 2 * kernels_.lanes);
    const auto weights_at = [&](Index p, Index k) {
      return panel_of(task.first_panel + p) + static_cast<std::uint64_t>(k) * product.layout.row_bytes;
    };
    for (Index k = 0; k < product.depth; k += kDepthBlock) {
      const Index depth = std::min(kDepthBlock, product.depth - k);
      const bool last = k + depth == product.depth;
      const bool apart = params_.sums == Sums::blocks && k > 0;  // a chain of its own, added when it is whole
      const Index lines = lines_per_step(product.layout, task.tiles);
      for (Index p = 0; p < task.panels; ++p) {
        const void* weights = weights_at(p, k);
        // What will be multiplied next: behind the last block of a task the next one begins.
        const std::byte* next = p + 1 < task.panels ? weights_at(p + 1, k)
                                : last              ? weights_at(task.panels, 0)
                                                    : weights_at(0, k + depth);
        if (widen) {
          kernels_.expand[type](depth, weights, scratch.panel.data());
          weights = scratch.panel.data();
        }
        for (Index t = 0; t < task.tiles; ++t) {
          const RowTile& tile = tiles[static_cast<std::size_t>(task.first_tile + t)];
          float* sums = scratch.sums.row(one_block ? 0 : p * task.tiles + t).data();
          products[tile.rows - 1]({.depth = depth,
                                   .x = product.in + tile.first_row * product.depth + k * tile.rows,
                                   .panel = weights,
                                   .acc = apart ? scratch.block.data() : sums,
                                   .add = k > 0 && !apart,
                                   .next = next + t * lines * (depth / kernels_.lanes) * kLineBytes,
                                   .lines = static_cast<int>(lines)});
          if (apart) {
            const Index numbers = tile.rows * 2 * kernels_.lanes;
            std::transform(sums, sums + numbers, scratch.block.data(), sums, std::plus<>());
          }
          if (last) {
            finish({tile, task.first_panel + p, sums});
          }
        }
      }
    }
  }

  TiledParams params_;
  const KernelSet& kernels_;
};

}  // namespace

ExecutorEntry executor_tiled() {
  return {"tiled", "packed weights by fixed tiles of rows, in parallel over (expert, tiles, panels)",
          [] { return fields_of<TiledParams>().infos(); },
          [](Binder& binder, const Node* section, const std::string& path) -> std::unique_ptr<Executor> {
            TiledParams params;
            bind_section(binder, section, path, params, kExecutorReserved);
            const KernelSet* kernels = find_kernels(params.instructions);
            if (kernels == nullptr) {
              binder.error(path + ".instructions",
                           "this processor or this build does not have '" +
                               std::string(enum_text(params.instructions)) + "'",
                           "a set that is there", "no-instructions", "write auto");
              return nullptr;
            }
            const DotSet* dots = nullptr;
            if (!choose_dots(binder, path, {params.weights, params.activations, params.instructions}, dots)) {
              return nullptr;
            }
            if (dots != nullptr) {
              return make_narrow_executor(params.weights, *dots);
            }
            return std::make_unique<TiledExecutor>(params, *kernels);
          }};
}

}  // namespace moesim
