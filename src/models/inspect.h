#pragma once
// What is in a checkpoint: files, types, layers, parameters; on request how large its numbers are.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "models/checkpoint.h"
#include "models/model_parameters.h"

namespace moesim {

struct TypeCount {
  std::string name;  // "BF16"
  std::uint64_t tensors = 0;
  std::uint64_t bytes = 0;
};

// Smallest, median and largest of some lengths.
struct NormRange {
  double min = 0;
  double median = 0;
  double max = 0;
};
NormRange range_of(std::vector<double> lengths);

struct InspectedLayer {
  Index layer = 0;
  std::string problem;  // why its block cannot be run; empty: it can
  std::vector<TypeCount> types;
  std::uint64_t bytes = 0;
  std::optional<NormRange> gate_rows;       // ‖w‖ of the gate's rows, one for each expert
  std::optional<NormRange> selection_bias;  // the bias's numbers
  std::optional<NormRange> experts;         // of each expert √(sum of the squares of all its weights)
};

struct Inspection {
  std::vector<TypeCount> types;  // of all tensors, most bytes first
  std::uint64_t tensors = 0;
  std::uint64_t bytes = 0;
  // Numbers stored, whatever their type; scales of narrow types not counted. More than `parameters.total`
  // where there are parts that it leaves out (docs/glossary.md).
  std::uint64_t numbers = 0;
  ModelParameters parameters;
  std::vector<InspectedLayer> layers;  // those that config.json gives experts
  bool problems() const;
};

// Which layers' numbers are read.
struct InspectOptions {
  bool all_norms = false;
  std::optional<Index> layer = std::nullopt;  // this one's, in place of the middle one's
};

// Without all_norms the gates of one layer are read, and its experts where they take at most this; those of
// a layer that was asked for always.
inline constexpr std::uint64_t kMostExpertBytes = std::uint64_t{1} << 30;

// Throws as MoeCheckpoint::block does where the layer asked for has no experts; numbers that are not finite
// are a layer's problem.
Inspection inspect(const MoeCheckpoint& checkpoint, const InspectOptions& options, const Context& context);

}  // namespace moesim
