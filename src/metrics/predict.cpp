#include "metrics/predict.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim {
namespace {

constexpr Index kProjectionTileRows = 32;  // as in experts/project.cpp

// Bytes that a stage reads and writes: gathering reads every token that has rows once, whatever its copies,
// and writes the rows, combining reads the rows and writes the tokens, the norm reads and writes a token, and
// adding reads two and writes one.
struct Moved {
  double gather = 0, combine = 0, norm = 0;
};
double row_bytes(Index rows, Index width) {
  return static_cast<double>(rows) * static_cast<double>(width) * sizeof(float);
}
Moved moved_bytes(const LayerWork& work) {
  const Index rows = std::accumulate(work.rows.begin(), work.rows.end(), Index{0});
  const Index width = work.latent_width > 0 ? work.latent_width : work.d_model;
  Moved moved;
  moved.norm = (work.adds_residual ? 5 : 2) * row_bytes(work.tokens, work.d_model);
  if (work.rows_are_copies && rows > 0) {
    const Index tokens = work.gathered.value_or(std::min(work.tokens, rows));
    moved.gather = row_bytes(tokens, width) + row_bytes(rows, width);
    moved.combine = row_bytes(rows, width) + row_bytes(work.tokens, width);
  }
  return moved;
}

// The maps into and out of the latent space, made like a gate's product.
std::vector<GateWork> latent_maps(const LayerWork& work) {
  if (work.latent_width == 0) {
    return {};
  }
  return {{work.tokens, work.latent_width, work.d_model, kProjectionTileRows},
          {work.tokens, work.d_model, work.latent_width, kProjectionTileRows}};
}

double gate_flops(const GateWork& gate) {
  return 2.0 * static_cast<double>(gate.tokens) * static_cast<double>(gate.experts) *
         static_cast<double>(gate.d_model);
}

double predict_gate(const GateWork& gate, const MachineRates& rates, const MachineLimits& limits) {
  const Index tiles = (gate.tokens + gate.tile_rows - 1) / gate.tile_rows;
  const Index rounds = (tiles + rates.threads - 1) / rates.threads;
  const double tile = gate_flops({gate.tile_rows, gate.experts, gate.d_model, gate.tile_rows});
  const double peak_of_one = rates.flops / rates.threads;
  return static_cast<double>(rounds) * tile /
         (peak_of_one * share_of(limits.gate, static_cast<double>(gate.experts)));
}

double at_speed(double bytes, double speed) {
  return bytes > 0 && speed > 0 ? bytes / speed : 0;
}

}  // namespace

ExpertWork expert_work(const FfnShape& shape, std::uint64_t bytes) {
  const double up = is_gated(shape.activation) ? 2.0 / 3 : 0.5;
  return {static_cast<double>(ffn_flops_per_row(shape)), static_cast<double>(bytes),
          up / static_cast<double>(std::max<Index>(1, shape.d_model)) +
              (1 - up) / static_cast<double>(std::max<Index>(1, shape.width))};
}

double add_up(double a, double b, double sharpness) {
  const double longer = std::max(a, b);
  return longer > 0 ? longer * std::pow(1 + std::pow(std::min(a, b) / longer, sharpness), 1 / sharpness) : 0;
}

double sharpness_of(double a, double b, double seconds) {
  double low = 1;
  double high = kMostSharpness;
  for (int i = 0; i < 40; ++i) {
    const double p = 0.5 * (low + high);
    (add_up(a, b, p) > seconds ? low : high) = p;
  }
  return low;
}

double share_of(std::span<const Share> shares, double rows) {
  if (shares.empty()) {
    return 1.0;
  }
  const auto at = [&](std::size_t i) { return static_cast<double>(shares[i].rows); };
  if (rows <= at(0)) {
    return shares.front().of_peak;
  }
  // Seconds, rows/share, lie on a line between two measured numbers of rows; more rows are never faster.
  double low = at(0) / shares[0].of_peak;
  for (std::size_t i = 1; i < shares.size(); ++i) {
    const double high = std::max(low, at(i) / shares[i].of_peak);
    if (rows <= at(i)) {
      return rows / (low + (rows - at(i - 1)) / (at(i) - at(i - 1)) * (high - low));
    }
    low = high;
  }
  return at(shares.size() - 1) / low;
}

double predict_expert(const ExpertWork& expert, double rows, const MachineRates& rates,
                      const LayoutShares& layout) {
  if (rows <= 0) {
    return 0;
  }
  const double depth =
      (1 + layout.depth_cost * expert.inverse_depth) / (1 + layout.depth_cost * layout.inverse_depth);
  const double arithmetic =
      rows * expert.flops_per_row * depth / (rates.flops * share_of(layout.products, rows));
  const double reading = at_speed(expert.weight_bytes, rates.weights_read);
  const double beyond_cache = std::max(0.0, reading - at_speed(expert.weight_bytes, rates.cache_read));
  return std::max(reading, add_up(arithmetic, beyond_cache, layout.sharpness));
}

double predict_experts(const ExpertWork& expert, std::span<const Index> rows, const MachineRates& rates,
                       const LayoutShares& layout, int devices) {
  const auto count = rows.size();
  const auto parts = static_cast<std::size_t>(std::max(1, devices));
  double busiest = 0;
  for (std::size_t d = 0; d < parts; ++d) {
    double seconds = 0;
    for (std::size_t e = count * d / parts; e < count * (d + 1) / parts; ++e) {
      seconds += predict_expert(expert, static_cast<double>(rows[e]), rates, layout);
    }
    busiest = std::max(busiest, seconds);
  }
  return busiest;
}

StageSeconds predict_layer(const LayerWork& work, const MachineRates& rates, const MachineLimits& limits,
                           const LayoutShares& layout) {
  const Moved moved = moved_bytes(work);
  const double join = limits.join_seconds;
  StageSeconds s;
  s.norm = 2 * join + at_speed(moved.norm, rates.rows_read * limits.norm);
  if (work.gate) {
    s.gate = join + predict_gate(*work.gate, rates, limits) +
             at_speed(row_bytes(work.tokens, work.d_model), rates.rows_read) +
             at_speed(row_bytes(work.gate->experts, work.d_model), rates.weights_read);
  }
  if (!work.rows.empty()) {
    s.experts += 2 * join + predict_experts(work.expert, work.rows, rates, layout);
  }
  if (moved.gather > 0) {
    s.dispatch = join + at_speed(moved.gather, rates.weights_read * layout.gather);
    s.combine = join + at_speed(moved.combine, rates.rows_read * limits.combine);
  }
  for (const GateWork& map : latent_maps(work)) {
    s.experts += join + predict_gate(map, rates, limits);
  }
  if (work.one) {
    const double token = static_cast<double>(work.tokens) * static_cast<double>(work.d_model) * sizeof(float);
    s.experts += 3 * join + at_speed(2 * token, rates.weights_read * layout.gather) +
                 predict_expert(*work.one, static_cast<double>(work.tokens), rates, layout);
  }
  return s;
}

const char* bound_word(Bound bound) {
  switch (bound) {
    case Bound::none:
      return "";
    case Bound::arithmetic:
      return "arithmetic";
    case Bound::bytes:
      return "bytes";
  }
  return "?";
}

void StageLimit::add(double flop_seconds, double byte_seconds) {
  flop_seconds_ += flop_seconds;
  byte_seconds_ += byte_seconds;
  seconds = std::max(flop_seconds_, byte_seconds_);
  bound = seconds <= 0 ? Bound::none : flop_seconds_ >= byte_seconds_ ? Bound::arithmetic : Bound::bytes;
}

void StageLimits::add(const LayerWork& work, const MachineRates& rates, double weight) {
  const Moved moved = moved_bytes(work);
  norm.add(0, weight * at_speed(moved.norm, rates.rows_read));
  const auto product = [&](StageLimit& stage, const GateWork& g) {
    stage.add(weight * gate_flops(g) / rates.flops,
              weight * at_speed(row_bytes(g.experts, g.d_model), rates.weights_read));
  };
  if (work.gate) {
    product(gate, *work.gate);
  }
  for (const GateWork& map : latent_maps(work)) {
    product(experts, map);
  }
  dispatch.add(0, weight * at_speed(moved.gather, rates.rows_read));
  combine.add(0, weight * at_speed(moved.combine, rates.rows_read));
  for (const Index r : work.rows) {
    if (r > 0) {
      experts.add(weight * static_cast<double>(r) * work.expert.flops_per_row / rates.flops,
                  weight * at_speed(work.expert.weight_bytes, rates.weights_read));
    }
  }
  if (work.one) {
    experts.add(weight * static_cast<double>(work.tokens) * work.one->flops_per_row / rates.flops,
                weight * at_speed(work.one->weight_bytes, rates.weights_read));
  }
}

}  // namespace moesim
