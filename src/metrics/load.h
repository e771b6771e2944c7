#pragma once
// How evenly tokens are spread: pure functions of counts. Formulas: docs/glossary.md.

#include <cstdint>
#include <span>
#include <vector>

namespace moesim {

using Counts = std::vector<std::uint64_t>;

// All in double; population forms. With no assignments at all every expert is
// dead and nothing is out of balance: everything else is 0, entropy 1.
struct LoadStats {
  double max_violation = 0;  // max n / mean n − 1
  double min_over_mean = 0;
  double cv = 0;                  // population standard deviation / mean
  double gini = 0;                // Σ(2i−E−1)·n_(i) / (E·Σn)
  double entropy = 1;             // H / ln E; 1 when E = 1
  double effective_experts = 0;   // exp(H)
  std::int64_t dead_experts = 0;  // experts with no assignment
};

LoadStats load_stats(std::span<const std::uint64_t> counts);

// The metrics of a stack: their mean over its layers, but the number of dead experts of all layers together.
LoadStats mean_of_layers(std::span<const LoadStats> layers);

}  // namespace moesim
