#pragma once
// Alone in its file because the kernels, which include nothing else of this room, need it.

namespace moesim {

// The gated ones (swiglu, swiglu_oai, geglu) have three matrices per expert, the others two.
enum class Activation { swiglu, geglu, gelu, relu, silu, swiglu_oai };

// Of swiglu_oai (gpt-oss: swiglu_limit of its config.json, and the factor in its code): the largest gate and
// the largest magnitude of up, and what the gate is multiplied by in the sigmoid.
constexpr float kOaiLimit = 7.0F;
constexpr float kOaiAlpha = 1.702F;

}  // namespace moesim
