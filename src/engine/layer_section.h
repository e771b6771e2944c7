#pragma once
// Private to this room: the `layer:` section of a config.

#include <string>

#include "config/binder.h"
#include "core/shape.h"
#include "experts/shared.h"

namespace moesim {

struct LayerParams {
  std::int64_t num_layers = 1;
  std::int64_t d_model = 256;
  std::int64_t d_ff = 512;
  std::int64_t active_width = 0;
  std::int64_t total_width = 0;
  std::int64_t num_experts = 8;
  std::int64_t zero_experts = 0;
  std::int64_t copy_experts = 0;
  std::int64_t constant_experts = 0;
  std::int64_t num_shared_experts = 0;
  std::int64_t shared_width = 0;
  SharedKind shared_kind = SharedKind::plain;
  std::int64_t latent_width = 0;
  bool latent_norm = false;
  Activation activation = Activation::swiglu;
  bool ffn_bias = false;
  std::string checkpoint;  // empty: seeded weights
  std::int64_t index = 0;
  std::string layout;  // a file; empty: one of those known
};
void describe(Fields<LayerParams>& fields);

// Binds the section and reports what does not fit together, all but the relation of widths and top_k. One of
// d_ff, active_width and total_width on the command line takes the place of another in the config file.
LayerParams bind_layer(Binder& binder, const Node* section);

LayerShape layer_shape(const LayerParams& params);

// The layer as a router sees it: num_experts is the whole pool, whose experts are all alike.
LayerShape routed_shape(const LayerShape& shape);

// Sets shape.d_ff from active_width or total_width; only one of the three may be given.
void resolve_width(Binder& binder, const LayerParams& params, Index top_k, LayerShape& shape);

// Whether a resolved setting says that a layer lacks a part: no fact of an experiment, so that experiments
// without the part keep their identity when the program learns it.
bool says_part_is_absent(const ResolvedValue& value);

}  // namespace moesim
