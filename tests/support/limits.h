#pragma once
// Limits of a machine that does not exist.

#include "metrics/limits.h"

namespace moesim {

inline MachineLimits some_limits() {
  MachineLimits limits;
  limits.processor = "Example 9000";
  limits.instructions = "avx512";
  limits.version = "0.1.0 abcdef";
  limits.measured_at = "2026-01-02T03:04:05Z";
  limits.fitness = "fit with remarks";
  limits.threads = 2;
  limits.flops_one = {1e11, 9e10, 1.1e11};
  limits.flops_all = {2e11, 1.8e11, 2.1e11};
  limits.scaling = {2.0, 1.9, 2.0};
  limits.reads = {{1, 49152, {2e11, 2e11, 2e11}, {4e11, 4e11, 4e11}},
                  {2, 2097152, {1e11, 1e11, 1e11}, {2e11, 2e11, 2e11}},
                  {0, 1073741824, {1e10, 1e10, 1e10}, {1.25e10, 1e10, 2e10}}};
  limits.gate = {{8, 0.5}, {128, 0.75}};
  limits.combine = 0.5;
  limits.norm = 0.4;
  limits.join_seconds = 3e-6;
  limits.layouts = {{"tiled/avx512/float32", {{1, 0.25}, {8, 0.75}, {64, 0.95}}, 0.0025, 20, 2.5, 0.3},
                    {"tiled/avx512/int8", {{1, 0.125}}, 0.0025, 0, 1, 0.3}};
  return limits;
}

}  // namespace moesim
