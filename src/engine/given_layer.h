#pragma once
// The layer of an experiment whose weights come from a checkpoint: `layer: {checkpoint: DIR, index: N}`.

#include <memory>
#include <string>

#include "config/load.h"
#include "engine/experiment.h"
#include "engine/layer_section.h"
#include "experts/shared.h"
#include "models/checkpoint.h"
#include "router/router.h"

namespace moesim {

struct GivenLayer {
  std::string folder;       // as opened
  std::string layout_file;  // or empty
  Index index = 0;
  MoeCheckpoint checkpoint;
  BlockTensors block;

  // Throws as MoeCheckpoint does.
  GivenLayer(std::string folder, std::string layout_file, Index index);

  LayerShape shape() const;  // of that one layer
  // What makes another file the same or another experiment: config.json, the layout's file, names, types and
  // shapes of all tensors, and the bytes of the layer's own. Reads them.
  std::uint64_t contents_hash() const;
  // Memory that is needed to read it, beyond the weights as they are packed.
  std::uint64_t reading_bytes(int threads) const;

  Gate make_gate(const GateRule& rule) const;
  ExpertBank make_experts(const Executor& executor, const Context& context) const;
  SharedExperts make_shared(const Executor& executor, const Context& context) const;  // or none
  std::vector<float> expert_bias() const;  // [E] for selection, or empty
};

// Opens what the section names; null where it names nothing, or when there was a problem, which is reported:
// also every key of the section that the checkpoint answers too. The resolved settings are those of the
// checkpoint then.
std::shared_ptr<const GivenLayer> bind_given_layer(Binder& binder, const LayerParams& params,
                                                   const ConfigSource& source);

// The selection bias at the start, [E] or empty: the config's own, else the checkpoint's where the router is
// of the preset that config.json asks for.
std::vector<float> starting_bias(const Experiment& experiment);

// Reports a router whose gate has other weights than the checkpoint holds.
void check_given_gate(Binder& binder, const GivenLayer& layer, const Router& router);

}  // namespace moesim
