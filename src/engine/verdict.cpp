#include "engine/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
// Below this share of the threads' cores the figures say more about the neighbours than about the layer.
constexpr double kCoresThere = 0.8;
// The range of fewer samples says too little: with five its confidence is 94 %.
constexpr std::size_t kSamplesOfAnInterval = 5;

}  // namespace

double cold_threshold(const MachineInfo& machine) {
  const double cache = static_cast<double>(machine.last_level_cache_bytes);
  return cache > 0 ? std::min(4.0 * cache, kGiB) : kGiB;
}

void judge_weights(RunRecord& record) {
  TimingResult& timing = record.timing;
  timing.cold_threshold_bytes = cold_threshold(record.machine);
  timing.weights =
      timing.coldest_bytes_read >= timing.cold_threshold_bytes ? WeightState::cold : WeightState::warm;
  const double per_layer =
      timing.coldest_bytes_read / static_cast<double>(std::max<Index>(1, record.shape.num_layers));
  timing.layers_for_cold =
      per_layer > 0 ? static_cast<Index>(std::ceil(timing.cold_threshold_bytes / per_layer)) : 0;
}

void judge_timing(RunRecord& record, const MeasureParams& measure) {
  TimingResult& timing = record.timing;
  timing.verdict = Verdict::ok;
  const auto find = [&](Verdict verdict, std::string reason) {
    timing.verdict = std::max(timing.verdict, verdict);
    timing.reasons.push_back(std::move(reason));
  };
  if (!record.build.fit_to_measure()) {
    find(Verdict::invalid,
         fmt::format("this is a {} build{}; measure with the release build", record.build.build_type,
                     record.build.sanitizers.empty() ? "" : " with " + record.build.sanitizers));
  }
  if (record.executed && (record.executor == "serial" || record.executor == "check")) {
    find(Verdict::invalid,
         fmt::format("executor {} is for checking: its MoE and dense products are not made alike",
                     record.executor));
  }
  for (const VariantResult& variant : record.variants) {
    if (!variant.skipped.empty()) {
      continue;
    }
    if (static_cast<std::int64_t>(variant.samples.size()) < measure.min_samples) {
      find(Verdict::invalid, fmt::format("{} has {} samples, fewer than measure.min_samples = {}",
                                         variant.name, variant.samples.size(), measure.min_samples));
    }
    if (variant.samples.size() < kSamplesOfAnInterval) {
      find(Verdict::noisy,
           fmt::format("{} has {} sample{}: an interval needs {}", variant.name, variant.samples.size(),
                       variant.samples.size() == 1 ? "" : "s", kSamplesOfAnInterval));
    }
    const double spread = variant.tokens_per_s.relative_half_width();
    if (variant.name != "yardstick" && spread > measure.target) {
      find(Verdict::noisy, fmt::format("{} is known to ±{:.1f} %, the target is ±{:.1f} %", variant.name,
                                       100 * spread, 100 * measure.target));
    }
  }
  if (timing.threads > record.machine.usable_cores) {
    find(Verdict::noisy,
         fmt::format("{} threads on {} usable cores", timing.threads, record.machine.usable_cores));
  } else if (timing.effective_cores < kCoresThere * timing.threads) {
    find(Verdict::noisy, fmt::format("the {} cores were worth {:.2f}: other work ran on this machine",
                                     timing.threads, timing.effective_cores));
  }
  if (timing.interrupted) {
    find(Verdict::noisy, fmt::format("stopped by Ctrl-C after {} rounds", timing.rounds));
  }
}

}  // namespace moesim
