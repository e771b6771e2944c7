#pragma once
// Private to this room: what rows and screens of models share.

#include <array>
#include <cstdint>
#include <string>

#include "models/model_parameters.h"

namespace moesim {

inline constexpr double kBillion = 1e9;
inline constexpr double kBf16Bytes = 2.0;

double billions(std::uint64_t value);

// The router's preset, or "" where none is published.
std::string router_name(const ModelShape& shape);

// Weights that one token's computation reads: of the input embedding a single row, unless it is the output
// projection too.
std::uint64_t read_by_token(const ModelParameters& p);

double bytes(std::uint64_t parameters, const WeightStorage& storage);

struct ModelPart {
  const char* name;   // in rows
  const char* title;  // on screens
  std::uint64_t stored = 0;
  std::uint64_t read = 0;  // by one token
};

std::array<ModelPart, 8> parts_of(const ModelParameters& p, bool tied);

}  // namespace moesim
