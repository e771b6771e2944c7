#pragma once
// Measured loads are data: configs/presets/loads.yaml, part of the binary. What recordings of real models say
// of their experts, by model, domain and layer, without the recordings.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/binder.h"
#include "core/catalogue.h"
#include "core/matrix.h"

namespace moesim {

struct MeasuredLoads {
  static constexpr double kUnknown = -1;

  std::string name;               // "olmoe/arxiv/0": model, domain, layer as the recording numbers it
  std::string source;             // where the recording comes from
  std::int64_t top_k = 1;         // K
  std::int64_t tokens = 0;        // that were counted
  double persistence = kUnknown;  // fitted to the overlap of neighbours (router/persistent_draw.h); unknown
                                  // where the recording has no order
  double log_normal_sigma = 0;    // fitted to the shares: deviation of their logarithms
  double zipf_exponent = 0;       // fitted to the shares in order of rank
  std::vector<double> shares;     // [E] of all assignments

  Index num_experts() const { return static_cast<Index>(shares.size()); }
};

void describe(Fields<MeasuredLoads>& fields);

// A file of them: a map from names to what is above. What is wrong goes to the binder's diagnostics. `source`
// is the file's name as printed.
Catalogue<MeasuredLoads> read_loads(Binder& binder, std::string_view yaml, const std::string& source);
// In the form that read_loads reads.
std::string print_loads(const std::vector<MeasuredLoads>& loads);

const Catalogue<MeasuredLoads>& measured_loads();

// Shares of experts, the most popular first, by the fitted laws; their sum is 1. Log-normal: quantiles at (e
// + 1/2)/E, which for many sigmas are found once. Zipf: in proportion to 1/(e + 1)^exponent.
std::vector<double> normal_points(Index num_experts);  // falling
std::vector<double> log_normal_shares(double sigma, std::span<const double> points);
std::vector<double> log_normal_shares(double sigma, Index num_experts);
std::vector<double> zipf_shares(double exponent, Index num_experts);

}  // namespace moesim
