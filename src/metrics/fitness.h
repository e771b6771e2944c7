#pragma once
// Is this machine fit to measure? Findings in plain words from what the system says and from the cores' own
// scaling; a pure function.

#include <optional>
#include <string>
#include <vector>

#include "core/build_info.h"
#include "core/flat_row.h"
#include "core/machine.h"
#include "core/machine_state.h"

namespace moesim {

constexpr const char* kDoctorSchema = "moesim.doctor/1";

enum class Fitness { ok, unknown, remark, unfit };  // in order of weight

struct Finding {
  std::string name;  // short, as in JSON: cores, quota, …
  Fitness fitness = Fitness::ok;
  std::string text;    // what was found
  std::string advice;  // what to do; "" where nothing is
};

struct FitnessInput {
  BuildInfo build;
  MachineInfo machine;
  MachineState state;
  std::optional<CpuUse> use;  // while the cores were tested
  int threads = 1;            // that were tested
  double scaling = 1;         // what they were worth in the register loop
  std::string instructions;   // chosen by the kernels
  std::vector<std::string> usable_instructions;
};

std::vector<Finding> judge_machine(const FitnessInput& input);

// unfit: figures would mislead. remark: usable, with care. ok: neither, whatever is unknown.
Fitness overall(const std::vector<Finding>& findings);
const char* fitness_word(Fitness fitness);   // ok, unknown, remark, unfit
const char* verdict_words(Fitness fitness);  // fit, fit with remarks, not fit

FlatRow flatten(const FitnessInput& input, const std::vector<Finding>& findings);

}  // namespace moesim
