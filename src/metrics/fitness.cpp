#include "metrics/fitness.h"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

// As the verdict of a run: below this share of its threads' cores a run is called noisy.
constexpr double kCoresThere = 0.8;
// From here on the second core is a part of the first.
constexpr double kCoresHalfThere = 0.6;
constexpr double kSteal = 0.02;
constexpr double kMuchSteal = 0.2;
constexpr double kOthersCores = 0.1;
constexpr double kPressure = 0.1;
constexpr std::uint64_t kSmallMemory = std::uint64_t{2} << 30;

std::string percent_of(double share) {
  return fmt::format("{:.1f} %", 100 * share);
}
std::string gibibytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1024.0 * 1024.0 * 1024.0));
}

Finding build_finding(const BuildInfo& build) {
  const std::string what =
      fmt::format("{} build{}{}, {}, arch {}", build.build_type.empty() ? "plain" : build.build_type,
                  build.sanitizers.empty() ? "" : " with sanitizers " + build.sanitizers,
                  build.checks ? ", contracts checked on every call" : "", build.compiler, build.arch);
  if (!build.fit_to_measure()) {
    return {"build", Fitness::unfit, what,
            "build for measuring: cmake --preset release && cmake --build --preset release"};
  }
  return {"build", Fitness::ok, what, ""};
}

Finding cores_finding(const FitnessInput& in) {
  if (in.threads <= 1) {
    return {"cores", Fitness::ok, "one thread: there is no scaling to test", ""};
  }
  const double share = in.scaling / in.threads;
  const std::string what = fmt::format(
      "{} threads are worth {:.2f} cores in a loop that never leaves the registers", in.threads, in.scaling);
  if (share >= kCoresThere) {
    return {"cores", Fitness::ok, what, ""};
  }
  return {
      "cores", share < kCoresHalfThere ? Fitness::unfit : Fitness::remark, what,
      "other work has the cores, or they are halves of one: close it, or measure with fewer threads (-j)"};
}

Finding affinity_finding(const MachineState& state) {
  const std::string what =
      fmt::format("{} of {} processors allowed", state.allowed_cores, state.online_cores);
  if (state.allowed_cores < state.online_cores) {
    return {"affinity", Fitness::remark, what,
            "say which cores in what you publish, or start without taskset"};
  }
  return {"affinity", Fitness::ok, what, ""};
}

Finding quota_finding(const MachineState& state) {
  const std::string throttled =
      state.throttled_periods ? fmt::format(", {} throttled periods so far", *state.throttled_periods) : "";
  if (!state.quota_cores) {
    const bool was = state.throttled_periods.value_or(0) > 0;
    return {"quota", was ? Fitness::remark : Fitness::ok, "no processor quota" + throttled,
            was ? "a quota was in force before: measure where there is none" : ""};
  }
  const std::string what =
      fmt::format("the control group grants {:.2f} cores{}", *state.quota_cores, throttled);
  if (*state.quota_cores < state.allowed_cores) {
    return {
        "quota", *state.quota_cores < 1 ? Fitness::unfit : Fitness::remark, what,
        "a quota stops all threads for parts of every period: raise it, or use as many threads as it grants "
        "whole cores"};
  }
  return {"quota", Fitness::ok, what, ""};
}

Finding smt_finding(const MachineState& state) {
  if (!state.smt) {
    return {"smt", Fitness::unknown, "the system does not say whether two threads share a core", ""};
  }
  return *state.smt ? Finding{"smt", Fitness::remark, "two threads share a core",
                              "use one thread a core: -j with half the processors"}
                    : Finding{"smt", Fitness::ok, "no two threads share a core", ""};
}

Finding instructions_finding(const FitnessInput& in) {
  std::string usable;
  for (const std::string& name : in.usable_instructions) {
    usable += (usable.empty() ? "" : ", ") + name;
  }
  const std::string what = fmt::format("kernels use {}; usable here: {}", in.instructions, usable);
  if (in.instructions == "portable") {
    return {"instructions", Fitness::remark, what,
            "products are several times slower than the processor allows"};
  }
  return {"instructions", Fitness::ok, what, ""};
}

Finding governor_finding(const MachineState& state) {
  if (state.governor.empty()) {
    return {"governor", Fitness::unknown, "the system does not say how the frequency is governed", ""};
  }
  const std::string what = "frequency governor " + state.governor;
  if (state.governor != "performance") {
    return {"governor", Fitness::remark, what, "sudo cpupower frequency-set -g performance"};
  }
  return {"governor", Fitness::ok, what, ""};
}

Finding steal_finding(const std::optional<CpuUse>& use) {
  if (!use) {
    return {"steal", Fitness::unknown, "the system does not say what other guests took", ""};
  }
  const std::string what =
      fmt::format("other guests took {} of the processors' time", percent_of(use->steal));
  if (use->steal < kSteal) {
    return {"steal", Fitness::ok, what, ""};
  }
  return {"steal", use->steal >= kMuchSteal ? Fitness::unfit : Fitness::remark, what,
          "wait until the host is quieter, or use one of your own"};
}

Finding others_finding(const FitnessInput& in) {
  const std::string load = in.state.load_average
                               ? fmt::format("load {:.2f} over the last minute", *in.state.load_average)
                               : "load unknown";
  const std::string pressure = in.state.cpu_pressure
                                   ? fmt::format("; something waited for a core in {} of the last 10 s",
                                                 percent_of(*in.state.cpu_pressure))
                                   : "";
  const std::string advice = "end other work first";
  if (!in.use) {
    const bool busy = in.state.load_average.value_or(0) > 0.5;
    return {"others",
            busy                    ? Fitness::remark
            : in.state.load_average ? Fitness::ok
                                    : Fitness::unknown,
            load + pressure, busy ? advice : ""};
  }
  const std::string what =
      fmt::format("other processes used {:.2f} cores during the test; {}{}", in.use->others, load, pressure);
  const bool busy = in.use->others > kOthersCores || in.state.cpu_pressure.value_or(0) > kPressure;
  const bool crowded = in.use->others > 0.5 * in.threads;
  return {"others",
          crowded ? Fitness::unfit
          : busy  ? Fitness::remark
                  : Fitness::ok,
          what, busy ? advice : ""};
}

Finding memory_finding(const FitnessInput& in) {
  const bool limited =
      in.state.group_memory_bytes &&
      (in.machine.memory_bytes == 0 || *in.state.group_memory_bytes < in.machine.memory_bytes);
  const std::string what =
      (in.machine.memory_bytes == 0 ? std::string("installed memory unknown")
                                    : gibibytes(in.machine.memory_bytes) + " installed") +
      (limited ? fmt::format(", the control group allows {}", gibibytes(*in.state.group_memory_bytes))
               : ", no limit by a control group") +
      (in.machine.memory_limit_bytes > 0
           ? fmt::format("; a run may use {}", gibibytes(in.machine.memory_limit_bytes))
           : "");
  if (in.machine.memory_limit_bytes == 0) {
    return {"memory", Fitness::unknown, what, ""};
  }
  if (in.machine.memory_limit_bytes < kSmallMemory) {
    return {"memory", Fitness::remark, what, "weights of real layers need more: free some"};
  }
  return {"memory", Fitness::ok, what, ""};
}

Finding huge_pages_finding(const MachineState& state) {
  if (state.huge_pages.empty()) {
    return {"huge_pages", Fitness::unknown, "the system does not say whether it gives huge pages", ""};
  }
  const std::string what = "transparent huge pages: " + state.huge_pages;
  if (state.huge_pages == "never") {
    return {"huge_pages", Fitness::remark, what,
            "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled"};
  }
  return {"huge_pages", Fitness::ok, what, ""};
}

FlatValue known(const std::optional<double>& value) {
  return value ? FlatValue(*value) : FlatValue();
}
FlatValue known(const std::optional<std::uint64_t>& value) {
  return value ? FlatValue(static_cast<std::int64_t>(*value)) : FlatValue();
}
FlatValue known(const std::string& text) {
  return text.empty() ? FlatValue() : FlatValue(text);
}

}  // namespace

std::vector<Finding> judge_machine(const FitnessInput& in) {
  return {build_finding(in.build),    instructions_finding(in),    cores_finding(in),
          affinity_finding(in.state), quota_finding(in.state),     smt_finding(in.state),
          governor_finding(in.state), steal_finding(in.use),       others_finding(in),
          memory_finding(in),         huge_pages_finding(in.state)};
}

Fitness overall(const std::vector<Finding>& findings) {
  Fitness worst = Fitness::ok;
  for (const Finding& finding : findings) {
    worst = std::max(worst, finding.fitness == Fitness::unknown ? Fitness::ok : finding.fitness);
  }
  return worst;
}

const char* fitness_word(Fitness fitness) {
  switch (fitness) {
    case Fitness::ok:
      return "ok";
    case Fitness::unknown:
      return "unknown";
    case Fitness::remark:
      return "remark";
    case Fitness::unfit:
      return "unfit";
  }
  return "?";
}

const char* verdict_words(Fitness fitness) {
  switch (fitness) {
    case Fitness::ok:
    case Fitness::unknown:
      return "fit";
    case Fitness::remark:
      return "fit with remarks";
    case Fitness::unfit:
      return "not fit";
  }
  return "?";
}

FlatRow flatten(const FitnessInput& in, const std::vector<Finding>& findings) {
  FlatRow row;
  const auto add = [&row](std::string name, FlatValue value) {
    row.push_back({std::move(name), std::move(value)});
  };
  add("schema", std::string(kDoctorSchema));
  add("verdict", std::string(verdict_words(overall(findings))));
  for (const Finding& finding : findings) {
    add("check." + finding.name, std::string(fitness_word(finding.fitness)));
    add("check." + finding.name + ".text", finding.text);
    add("check." + finding.name + ".advice",
        finding.advice.empty() ? FlatValue() : FlatValue(finding.advice));
  }
  add("threads", static_cast<std::int64_t>(in.threads));
  add("effective_cores", in.scaling);
  add("online_cores", static_cast<std::int64_t>(in.state.online_cores));
  add("allowed_cores", static_cast<std::int64_t>(in.state.allowed_cores));
  add("quota_cores", known(in.state.quota_cores));
  add("throttled_periods", known(in.state.throttled_periods));
  add("instructions", in.instructions);
  add("governor", known(in.state.governor));
  add("huge_pages", known(in.state.huge_pages));
  add("smt", in.state.smt ? FlatValue(*in.state.smt) : FlatValue());
  add("steal", in.use ? FlatValue(in.use->steal) : FlatValue());
  add("others_cores", in.use ? FlatValue(in.use->others) : FlatValue());
  add("load_average", known(in.state.load_average));
  add("cpu_pressure", known(in.state.cpu_pressure));
  add("group_memory_bytes", known(in.state.group_memory_bytes));
  add("memory_bytes", static_cast<std::int64_t>(in.machine.memory_bytes));
  add("memory_limit_bytes", static_cast<std::int64_t>(in.machine.memory_limit_bytes));
  add("processor", in.machine.processor);
  for (std::size_t i = 0; i < in.machine.caches.size(); ++i) {
    const std::string prefix = "cache." + std::to_string(i) + ".";
    add(prefix + "level", static_cast<std::int64_t>(in.machine.caches[i].level));
    add(prefix + "bytes", static_cast<std::int64_t>(in.machine.caches[i].bytes));
  }
  add("build.type", in.build.build_type);
  add("build.arch", in.build.arch);
  add("build.sanitizers", in.build.sanitizers);
  add("build.optimised", in.build.optimised);
  add("build.checks", in.build.checks);
  return row;
}

}  // namespace moesim
