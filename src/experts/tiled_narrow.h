#pragma once
// Private to this room: the executor `tiled` with activations as narrow as its weights.

#include <memory>
#include <span>
#include <string>

#include "experts/executor.h"
#include "experts/kernels/choose_dots.h"

namespace moesim {

// How the rows that meet the weights are kept: those of the tokens and those of the hidden units.
enum class Activations { float32, bf16, int8, automatic };
std::span<const EnumName<Activations>> enum_names(Activations);

// The dot products for these settings; null where activations stay float32. automatic: the best there are for
// the type of the weights, if they are clearly faster here. False when a problem was reported.
struct DotsWanted {
  WeightType weights;
  Activations activations;
  InstructionSet instructions;
};
bool choose_dots(Binder& binder, const std::string& path, const DotsWanted& wanted, const DotSet*& dots);

std::unique_ptr<Executor> make_narrow_executor(WeightType weights, const DotSet& dots);

}  // namespace moesim
