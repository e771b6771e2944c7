#include "experts/kernels/panels.h"

#include <algorithm>
#include <cstring>

#include "core/checked.h"
#include "core/error.h"
#include "experts/narrow.h"

namespace moesim {
namespace {

std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
  return checked_add(value, multiple - 1, "the weights of an expert") / multiple * multiple;
}

// Writes column `column` (of 2V) of step k of a panel's depth.
struct PanelWriter {
  const PanelLayout& layout;

  void put(std::byte* panel, Index k, int column, float value, float scale) const {
    std::byte* row = panel + static_cast<std::uint64_t>(k / layout.group * layout.group) * layout.row_bytes;
    const int place = column * layout.group + static_cast<int>(k % layout.group);
    switch (layout.type) {
      case WeightType::float32:
        return put_as(row, place, value);
      case WeightType::bf16:  // alone in pairs: low half column j, high half column V+j
        return put_as(row, layout.group > 1 ? place : 2 * (column % layout.lanes) + column / layout.lanes,
                      to_bf16(value));
      case WeightType::fp16:
        return put_as(row, place, to_fp16(value));
      case WeightType::int8:  // for dot products plus 128
        return put_as(row, place,
                      static_cast<std::uint8_t>(to_int8(value, scale) + (layout.group > 1 ? 128 : 0)));
    }
  }

 private:
  template <class T>
  static void put_as(std::byte* row, int place, T value) {
    std::memcpy(row + static_cast<std::size_t>(place) * sizeof(T), &value, sizeof(T));
  }
};

struct UnitPacker {
  const PanelLayout& layout;
  const FfnUnits& units;
  std::byte* expert;

  // One row of up or gate_proj becomes a column of an up panel.
  void into_column(std::span<const float> weights, Index panel, int column) const {
    const float scale = scale_of(weights);
    for (std::size_t k = 0; k < weights.size(); ++k) {
      writer().put(expert + layout.up_panel(panel), static_cast<Index>(k), column, weights[k], scale);
    }
    put_scale(panel * 2 * layout.lanes + column, scale);
  }

  void put_bias(Index place, float bias) const {
    std::memcpy(expert + layout.biases_begin + static_cast<std::uint64_t>(place) * sizeof(float), &bias,
                sizeof bias);
  }

  // One row of down becomes a step of the depth of every down panel.
  void into_depth(std::span<const float> weights, Index unit) const {
    const float scale = scale_of(weights);
    const auto columns = 2 * static_cast<std::size_t>(layout.lanes);
    for (std::size_t first = 0; first < weights.size(); first += columns) {
      std::byte* panel = expert + layout.down_panel(static_cast<Index>(first / columns));
      for (std::size_t c = first; c < std::min(weights.size(), first + columns); ++c) {
        writer().put(panel, unit, static_cast<int>(c - first), weights[c], scale);
      }
    }
    put_scale(layout.up_panels * 2 * layout.lanes + unit, scale);
  }

 private:
  PanelWriter writer() const { return {layout}; }
  float scale_of(std::span<const float> weights) const {
    return layout.scaled() ? int8_scale(weights) : 1.0F;
  }
  void put_scale(Index place, float scale) const {
    if (layout.scaled()) {
      std::memcpy(expert + layout.scales_begin + static_cast<std::uint64_t>(place) * sizeof(float), &scale,
                  sizeof scale);
    }
  }
};

}  // namespace

PanelLayout::PanelLayout(const FfnShape& s, WeightType t, int v, int g)
    : shape(s), type(t), lanes(v), group(g) {
  const auto u64 = [](Index value) { return static_cast<std::uint64_t>(value); };
  const bool gated = is_gated(s.activation);
  units_per_panel = gated ? v : 2 * v;
  up_depth = static_cast<Index>(round_up(u64(s.d_model), u64(v * g)));
  down_depth = static_cast<Index>(round_up(u64(s.width), std::max(u64(units_per_panel), u64(v * g))));
  up_panels = down_depth / units_per_panel;
  down_panels = (s.d_model + 2 * v - 1) / (2 * v);
  row_bytes = 2 * u64(v) * bytes_per_weight(t);
  const char* what = "the weights of an expert";
  down_begin = checked_product({u64(up_panels), u64(up_depth), row_bytes}, what);
  scales_begin =
      checked_add(down_begin, checked_product({u64(down_panels), u64(down_depth), row_bytes}, what), what);
  const std::uint64_t scales =
      scaled() ? checked_mul(checked_add(u64(up_panels * 2 * v), u64(down_depth), what), sizeof(float), what)
               : 0;
  biases_begin = checked_add(scales_begin, scales, what);
  const std::uint64_t biases =
      s.biases ? checked_product({u64(up_panels) + u64(down_panels), 2 * u64(v), sizeof(float)}, what) : 0;
  bytes = round_up(checked_add(biases_begin, biases, what), 64);
}

void pack_units(const PanelLayout& layout, const FfnUnits& units, std::byte* expert) {
  MOESIM_CHECK(units.first % (2 * layout.lanes) == 0, "units that begin inside a panel");
  const UnitPacker packer{layout, units, expert};
  const bool gated = is_gated(layout.shape.activation);
  for (Index i = 0; i < units.up.rows; ++i) {
    const Index unit = units.first + i;
    const Index panel = unit / layout.units_per_panel;
    const int place = static_cast<int>(unit % layout.units_per_panel);
    const int up_place = gated ? layout.lanes + place : place;
    if (gated) {
      packer.into_column(units.gate_proj.row(i), panel, place);
    }
    packer.into_column(units.up.row(i), panel, up_place);
    packer.into_depth(units.down.row(i), unit);
    if (layout.shape.biases) {
      const Index column = panel * 2 * layout.lanes;
      packer.put_bias(column + up_place, units.up_bias[static_cast<std::size_t>(i)]);
      if (gated) {
        packer.put_bias(column + place, units.gate_bias[static_cast<std::size_t>(i)]);
      }
    }
  }
  for (std::size_t d = 0; d < units.output_bias.size(); ++d) {
    packer.put_bias(layout.up_panels * 2 * layout.lanes + static_cast<Index>(d), units.output_bias[d]);
  }
}

}  // namespace moesim
