#pragma once
// Router logits that somebody kept, as a recording: what a router makes of them. transformers gives them with
// output_router_logits=True, one [T,E] array a layer.

#include <memory>
#include <string>

#include "core/parallel.h"
#include "io/recording.h"

namespace moesim {

// `path` is an .npy file of floats, [T,E] or [L,T,E], or a .safetensors file whose tensors are [T,E], one a
// layer (its number is the last one in the name; without numbers in order of names), or [L,T,E]. `preset`
// routes each layer, `model` names the recording. Experts as the last axis says. Throws Error(usage) where
// the preset is unknown or has no use for logits, ConfigError where it does not fit so many experts, and what
// reading throws. The context must outlive it.
std::unique_ptr<Recording> open_router_logits(const std::string& path, const std::string& preset,
                                              const std::string& model, const Context& context);

}  // namespace moesim
