// The parallel executor: tasks are (expert, tile of rows); each runs its rows through all blocks of hidden
// units, up, gate_proj, activation and down, while the hidden rows stay in the cache.
//
// Same bits for any thread count and any batch: tiles have a fixed number of rows and the last one of an
// expert is filled up with zeros, because the bits of Eigen's product for one row depend on how many rows are
// multiplied together; blocks of hidden units are fixed too. A task writes only its own rows.

#include <Eigen/Core>
#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "experts/activation.h"
#include "experts/variants.h"

namespace moesim {
namespace {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ConstMap = Eigen::Map<const RowMajor>;
using MutableMap = Eigen::Map<RowMajor>;

struct TiledParams {
  std::int64_t tile_rows = 64;
  std::int64_t block_units = 512;
};
void describe(Fields<TiledParams>& f) {
  f.add("tile_rows", &TiledParams::tile_rows)
      .range(32, 1024)
      .doc("rows of a tile; fixes the bits of the results");
  f.add("block_units", &TiledParams::block_units).range(16, 65536).doc("hidden units computed at a time");
}

struct Tile {
  Index expert;
  Index first_row;
  Index count;
};

// Busy experts first, so that no long piece starts last; a stable order, so that nothing depends on threads.
std::vector<Tile> make_tiles(const ExpertRows& rows, Index tile_rows) {
  std::vector<Index> order;
  for (Index e = 0; e < rows.bank.num_experts(); ++e) {
    const auto i = static_cast<std::size_t>(e);
    if (rows.bank.kind[i] == ExpertKind::ffn && rows.expert_begin[i + 1] > rows.expert_begin[i]) {
      order.push_back(e);
    }
  }
  const auto count_of = [&](Index e) {
    const auto i = static_cast<std::size_t>(e);
    return rows.expert_begin[i + 1] - rows.expert_begin[i];
  };
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return count_of(a) > count_of(b); });
  std::vector<Tile> tiles;
  for (const Index e : order) {
    const Index end = rows.expert_begin[static_cast<std::size_t>(e) + 1];
    for (Index r = rows.expert_begin[static_cast<std::size_t>(e)]; r < end; r += tile_rows) {
      tiles.push_back({e, r, std::min(tile_rows, end - r)});
    }
  }
  return tiles;
}

// Memory of one thread, kept between calls.
struct Scratch {
  Matrix in, up, gate, out;
};

class TiledExecutor final : public Executor {
 public:
  explicit TiledExecutor(const TiledParams& params)
      : tile_rows_(params.tile_rows), block_units_(params.block_units) {}

  std::uint64_t scratch_bytes(Index d_model, Index width) const override {
    return static_cast<std::uint64_t>(tile_rows_) *
           (2 * static_cast<std::uint64_t>(d_model) +
            2 * static_cast<std::uint64_t>(std::min(width, block_units_))) *
           sizeof(float);
  }

 private:
  void run_ffn(const ExpertRows& rows, const Context& context) const override {
    const std::vector<Tile> tiles = make_tiles(rows, tile_rows_);
    context.for_each_block(static_cast<Index>(tiles.size()),
                           [&](Index i) { run_tile(rows, tiles[static_cast<std::size_t>(i)]); });
  }

  void run_tile(const ExpertRows& rows, const Tile& tile) const {
    thread_local Scratch scratch;
    if (tile.count == tile_rows_) {
      const MutableMatrixView out = rows.out.block(tile.first_row, tile_rows_);
      run_full_tile(rows.bank, tile.expert, rows.in.block(tile.first_row, tile_rows_), out, scratch);
      return;
    }
    const Index width = rows.bank.d_model;
    const std::size_t bytes = static_cast<std::size_t>(tile.count * width) * sizeof(float);
    scratch.in.resize(tile_rows_, width);
    scratch.out.resize(tile_rows_, width);
    scratch.in.fill(0.0F);
    std::memcpy(scratch.in.data(), rows.in.row(tile.first_row).data(), bytes);
    run_full_tile(rows.bank, tile.expert, scratch.in.view(), scratch.out.view(), scratch);
    std::memcpy(rows.out.row(tile.first_row).data(), scratch.out.data(), bytes);
  }

  void run_full_tile(const ExpertBank& bank, Index expert, MatrixView in, MutableMatrixView out,
                     Scratch& scratch) const {
    const ConstMap x(in.data, in.rows, in.cols);
    MutableMap y(out.data, out.rows, out.cols);
    const bool gated = is_gated(bank.activation);
    y.setZero();
    for (Index first = 0; first < bank.width; first += block_units_) {
      const Index units = std::min(block_units_, bank.width - first);
      const auto weights = [&](MatrixView of_expert) {
        return ConstMap(of_expert.row(first).data(), units, of_expert.cols);
      };
      scratch.up.resize(tile_rows_, units);
      MutableMap up(scratch.up.data(), tile_rows_, units);
      up.noalias() = x * weights(bank.up_of(expert)).transpose();
      scratch.gate.resize(gated ? tile_rows_ : 0, units);
      MutableMap gate(scratch.gate.data(), scratch.gate.rows(), units);
      if (gated) {
        gate.noalias() = x * weights(bank.gate_proj_of(expert)).transpose();
      }
      // As one flat array, whose length is a multiple of 32: no element is computed by a scalar remainder
      // loop.
      Eigen::Map<Eigen::ArrayXf> flat_up(up.data(), up.size());
      const Eigen::Map<const Eigen::ArrayXf> flat_gate(gate.data(), gate.size());
      activate(bank.activation, flat_up, flat_gate);
      y.noalias() += up * weights(bank.down_of(expert));
    }
  }

  Index tile_rows_;
  Index block_units_;
};

}  // namespace

ExecutorEntry executor_tiled() {
  return {"tiled", "fixed tiles of rows, in parallel over (expert, tile)",
          [] { return fields_of<TiledParams>().infos(); },
          [](Binder& binder, const Node* section, const std::string& path) -> std::unique_ptr<Executor> {
            TiledParams params;
            bind_section(binder, section, path, params, kExecutorReserved);
            if (params.tile_rows % 32 != 0) {
              binder.error(path + ".tile_rows", "got " + std::to_string(params.tile_rows), "a multiple of 32",
                           "not-divisible", "write " + std::to_string((params.tile_rows + 31) / 32 * 32));
            }
            return std::make_unique<TiledExecutor>(params);
          }};
}

}  // namespace moesim
