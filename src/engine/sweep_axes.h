#pragma once
// What a sweep varies: axes of values, which of them go together, which combinations count.

#include <functional>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/node.h"

namespace moesim {

struct SweepAxis {
  std::string key;                  // "layer.num_experts", or a whole section: "router"
  std::vector<std::string> values;  // each as one would write it behind --set key=
};

struct SweepSpec {
  std::vector<SweepAxis> axes;
  std::vector<std::vector<std::size_t>> groups;  // axes that advance together; every axis is in one group
  std::string where;                             // "" : all combinations count
  std::int64_t sample = 0;                       // so many of the combinations, drawn at random; 0: all
  std::uint64_t sample_seed = 1;
};

// The `sweep:` section (nullptr: none) and the -p options ("layer.num_experts=4,8", "router.top_k=1..4",
// "router={preset: mixtral},{kind: hash}"), which replace the axis of the same key or add one. Problems go to
// `diagnostics`.
//
//   sweep:
//     layer.num_experts: [4, 8, 16]     a list, or "4..16:4"
//     router: [{preset: mixtral}, {kind: hash}]
//     zip: [[layer.num_experts, layer.d_ff]]      these axes advance together
//     where: "router.top_k <= layer.num_experts"  combinations that count
//     sample: 20                                  so many of them, at random
//     sample_seed: 1
SweepSpec read_sweep(const Node* section, const std::vector<std::string>& options, Diagnostics& diagnostics);

// Combinations as one index into each axis' values, the last group advancing first; at most
// kMostCombinations.
constexpr std::uint64_t kMostCombinations = 1'000'000;
std::vector<std::vector<std::size_t>> combinations(const SweepSpec& spec);
// spec.sample of them, drawn with spec.sample_seed, in their order; all where that is 0 or more than there
// are.
std::vector<std::vector<std::size_t>> draw_sample(const SweepSpec& spec,
                                                  std::vector<std::vector<std::size_t>> all);

// Whether a `where` expression holds: numbers, + - * / ^, comparisons, && || and parentheses; the keys of the
// sweep and of the config are its variables, true and false are 1 and 0. Throws Error(config) that quotes the
// expression.
using ValueOf = std::function<std::string(const std::string& key)>;  // "" when there is no such key
bool holds(const std::string& expression, const ValueOf& value_of);

}  // namespace moesim
