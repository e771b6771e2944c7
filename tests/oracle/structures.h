#pragma once
// A layer with every structure it can have, written again: in double, in plain loops, from the equations of
// the sources (experts/zero_computation.h, experts/shared.h, experts/latent.h name them).

#include <string>
#include <vector>

namespace moesim::testing {

using Row = std::vector<double>;
using Rows = std::vector<Row>;

// Hidden unit f of an ffn: act(gate[f]·x + b)·(up[f]·x + c) when gated, else act(up[f]·x + c); it adds
// down[f]. oai: as in gpt-oss, cut off, and (up + 1) instead of up.
struct NaiveLayerFfn {
  Rows up, gate, down;
  std::string activation;  // oai, silu, gelu or relu; of the gated ones what stands before the product
  Row up_bias, gate_bias, down_bias;  // of no number: none
};

struct NaiveConstant {
  Row value, first, second;  // v and the two rows of W
};

struct NaiveLayer {
  std::vector<NaiveLayerFfn> ffn;
  int zero = 0;
  int copy = 0;
  std::vector<NaiveConstant> constant;
  Rows latent_down, latent_up;  // no rows: none
  bool latent_norm = false;
  bool has_shared = false;
  NaiveLayerFfn shared;
  std::string shared_kind = "plain";
  Rows shared_gate;
  Row shared_bias;
};

struct NaiveAssignment {
  int expert = 0;  // in the order ffn, constant, copy, zero
  double weight = 0;
};

struct NaiveLayerOutput {
  Row y;
  // Root mean square of what the latent norm divides by, 1 without one: rounding grows as it shrinks.
  double normed_size = 1;
};

// What the layer makes of one token from its kept assignments.
NaiveLayerOutput naive_layer(const NaiveLayer& layer, const Row& x,
                             const std::vector<NaiveAssignment>& assignments, bool weight_on_input);

}  // namespace moesim::testing
