// moesim doctor: is this machine fit to measure, and what can it do at best?

#include <fmt/format.h>

#include "cli/outputs.h"
#include "cli/session.h"
#include "core/error.h"
#include "core/text.h"
#include "engine/probe_limits.h"
#include "report/doctor_screen.h"
#include "store/limits_cache.h"
#include "store/run_folder.h"

namespace moesim {
namespace {

// The register loop on one thread and on all, in turns, while the processors are watched.
FitnessInput examine(int threads) {
  constexpr int kRounds = 9;
  constexpr double kSeconds = 0.02;
  FitnessInput in;
  in.build = build_info();
  in.machine = read_machine();
  in.state = read_machine_state();
  in.threads = threads;
  const std::unique_ptr<Executor> executor = default_executor();
  const KernelSet& kernels = probe_kernels(*executor);
  in.instructions = instruction_set(kernels);
  in.usable_instructions = usable_instruction_names();
  const Context context({.threads = threads});
  measure_peak(kernels, context, kSeconds);
  const CpuWatch watch;
  std::vector<double> scaling;
  for (int round = 0; round < kRounds; ++round) {
    const PeakSample peak = measure_peak(kernels, context, kSeconds);
    scaling.push_back(peak.all / peak.one);
  }
  in.use = watch.end();
  in.scaling = median(scaling);
  return in;
}

struct LimitsAndOrigin {
  MachineLimits limits;
  std::string origin;
};

// `fitness`: what was just found about the machine.
LimitsAndOrigin find_limits(int threads, bool fresh, Fitness fitness) {
  const std::string path = limits_cache_path();
  if (!fresh) {
    CachedLimits cached = read_cached_limits(path, limits_key(threads));
    if (cached.limits) {
      const std::string origin = fmt::format(
          "measured {}{}, kept in {}; --fresh measures anew",
          cached.limits->measured_at.empty() ? "before" : display_safe(cached.limits->measured_at),
          cached.limits->fitness == verdict_words(Fitness::unfit)
              ? " while this machine was not fit to measure"
              : "",
          display_safe(path));
      return {std::move(*cached.limits), origin};
    }
    if (!cached.problem.empty()) {
      write_stderr(fmt::format("limits are measured anew: {}\n", cached.problem));
    }
  }
  Progress progress;
  MachineLimits limits = measure_all_limits(
      threads, [&progress](double fraction) { progress.show("measuring", fraction); }, interrupt_requested);
  progress.clear();
  limits.measured_at = utc_now();
  limits.fitness = verdict_words(fitness);
  std::string problem;
  try {
    write_cached_limits(path, limits);
  } catch (const std::exception& error) {
    problem = error.what();
  }
  if (!problem.empty()) {
    write_stderr(fmt::format("warning: the limits were not kept: {}\n", display_safe(problem)));
    return {std::move(limits), "measured now, not kept"};
  }
  return {std::move(limits),
          fmt::format("measured now{}, kept in {}",
                      fitness == Fitness::unfit ? " though this machine is not fit to measure" : "",
                      display_safe(path))};
}

// Threads that take turns on a core reach no limit, and those kept for as many threads as cores would be
// lost.
void check_limits_fit(const DoctorArguments& arguments, int threads) {
  const int cores = read_machine().usable_cores;
  if (arguments.roofline && threads > cores) {
    throw Error(ErrorKind::usage,
                fmt::format("--threads: error: got '{}'; expected at most {} with --roofline, one for each "
                            "usable core [bad-option]",
                            threads, cores),
                fmt::format("moesim doctor --roofline -j {}", cores));
  }
}

}  // namespace

int doctor_command(const DoctorArguments& arguments, const std::string& colour) {
  ResultOutputs outputs(arguments.output, arguments.out_files);
  if (arguments.fresh && !arguments.roofline) {
    throw Error(ErrorKind::usage,
                "--fresh: error: has no effect without --roofline; expected both [no-effect]",
                "moesim doctor --roofline --fresh");
  }
  const int threads = arguments.threads.empty()
                          ? read_machine().usable_cores
                          : static_cast<int>(parse_whole_option("--threads", arguments.threads, 1, 1024));
  check_limits_fit(arguments, threads);
  outputs.open();
  catch_interrupts();
  const FitnessInput input = examine(threads);
  if (interrupt_requested()) {
    throw Error(ErrorKind::interrupted, "stopped while the machine was examined");
  }
  const std::vector<Finding> findings = judge_machine(input);
  std::optional<LimitsAndOrigin> limits;
  if (arguments.roofline) {
    limits = find_limits(threads, arguments.fresh, overall(findings));
  }
  outputs.write(
      [&](Format format, const ScreenStyle&) {
        if (format == Format::table) {
          return render_doctor(input, findings) +
                 (limits ? render_limits(limits->limits, limits->origin) : std::string());
        }
        FlatRow row = flatten(input, findings);
        if (limits) {
          row.push_back({"limits.origin", limits->origin});
          for (FlatEntry& entry : flatten(limits->limits)) {
            row.push_back({"limits." + entry.name, std::move(entry.value)});
          }
        }
        return render_row(row, format);
      },
      stdout_style(colour));
  return overall(findings) == Fitness::unfit ? static_cast<int>(ErrorKind::check_failed) : 0;
}

}  // namespace moesim
