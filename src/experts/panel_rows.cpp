#include "experts/panel_rows.h"

#include "core/checked.h"

namespace moesim {
namespace {

constexpr std::uint64_t kStreamedBytes = std::uint64_t{4} << 20;

}  // namespace

void activate_panel(const PanelKernels& with, const std::byte* packed, const PanelSums& from,
                    Matrix& hidden) {
  const PanelLayout& layout = with.layout;
  const Index columns = 2 * layout.lanes;
  const float* scales =
      layout.scaled() ? reinterpret_cast<const float*>(packed + layout.scales_begin) : nullptr;
  with.kernels.activate({.activation = layout.shape.activation,
                         .rows = from.tile.rows,
                         .acc = from.sums,
                         .column_scale = scales != nullptr ? scales + from.panel * columns : nullptr,
                         .column_bias = layout.up_bias(packed, from.panel),
                         .unit_scale = scales != nullptr ? scales + layout.up_panels * columns +
                                                               from.panel * layout.units_per_panel
                                                         : nullptr,
                         .hidden = hidden.row(from.tile.first_row).data() +
                                   from.panel * layout.units_per_panel * from.tile.rows});
}

void finish_panel(const PanelKernels& with, const std::byte* packed, const ExpertRows& rows,
                  const PanelSums& from, bool streaming) {
  const Index columns = 2 * with.layout.lanes;
  with.kernels.finish(
      {.rows = from.tile.rows,
       .acc = from.sums,
       .bias = with.layout.down_bias(packed, from.panel),
       .row_weight = rows.out_weight.empty() ? nullptr : rows.out_weight.data() + from.tile.first_row,
       .out = rows.out.row(from.tile.first_row).data() + from.panel * columns,
       .stride = rows.out.cols,
       .columns = static_cast<int>(std::min(columns, rows.out.cols - from.panel * columns)),
       .streaming = streaming});
}

bool is_streamed(const MutableMatrixView& rows) {
  return static_cast<std::uint64_t>(rows.rows) * static_cast<std::uint64_t>(rows.cols) * sizeof(float) >
         kStreamedBytes;
}

Index lines_per_step(const PanelLayout& layout, Index tiles) {
  const Index lines = static_cast<Index>(layout.row_bytes) * layout.group * layout.lanes / kLineBytes;
  return (lines + tiles - 1) / tiles;
}

Index panels_within(std::uint64_t bytes, Index depth, const PanelLayout& layout) {
  const std::uint64_t panel = static_cast<std::uint64_t>(depth) * layout.row_bytes;
  return static_cast<Index>(std::max<std::uint64_t>(1, bytes / std::max<std::uint64_t>(1, panel)));
}

std::uint64_t sums_bytes(Index rows, std::uint64_t bytes, const PanelLayout& layout) {
  const Index panels =
      std::max(std::min(layout.up_panels, panels_within(bytes, layout.up_depth, layout)),
               std::min(layout.down_panels, panels_within(bytes, layout.down_depth, layout)));
  return checked_product({static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(panels),
                          static_cast<std::uint64_t>(2 * layout.lanes), sizeof(float)},
                         "the sums of a task");
}

}  // namespace moesim
