#include "engine/roofline.h"

#include <algorithm>

#include "dispatch/soft_mix.h"
#include "metrics/fitness.h"

namespace moesim {
namespace {

// The work of so many recorded steps stands for all.
constexpr std::size_t kMostSteps = 8;
constexpr std::uint64_t kReadBytes = std::uint64_t{32} << 20;  // of a plain read between rounds
constexpr double kPeakSeconds = 4e-3;
// Measuring shares within a run: of how large a budget, with what buffers, and all its memory.
constexpr double kLeastBudget = 1.0;
constexpr std::uint64_t kShareBuffer = std::uint64_t{32} << 20;
constexpr std::uint64_t kShareMemory = 4 * kShareBuffer;

ExpertWork work_of_bank(const Executor& executor, const ExpertBank& bank) {
  return expert_work(bank.ffn, executor.expert_bytes(bank.ffn));
}

double median_of(const std::vector<double>& samples) {
  return samples.empty() ? 0 : median(samples);
}

// Of the second-level cache: known, or as fast as four cold reads, which only tells apart what is far from
// it.
double cache_read(const std::optional<MachineLimits>& limits, double weights_read) {
  const double known = limits ? limits->cache_read() : 0;
  return known > 0 ? known : 4 * weights_read;
}

}  // namespace

LayerWork work_of_layer(const Experiment& experiment, const MoeLayer& layer, const LayerEvent& event) {
  const Executor& executor = *experiment.executor.executor;
  LayerWork work{.tokens = event.batch.num_tokens(), .d_model = experiment.shape.d_model};
  if (experiment.router->traits().needs_logits && layer.gate.num_params() > 0) {
    const auto params = static_cast<Index>(layer.gate.num_params());
    work.gate = GateWork{work.tokens, std::max<Index>(1, params / work.d_model), work.d_model, kGateTileRows};
  }
  work.adds_residual = experiment.execute;
  if (!experiment.execute) {
    return work;
  }
  work.expert = work_of_bank(executor, layer.experts);
  work.latent_width = experiment.shape.latent_width;
  work.rows_are_copies = event.mix == nullptr;
  const std::vector<Index> begin = event.mix != nullptr ? slot_begin(*event.mix) : event.plan.expert_begin;
  for (Index e = 0; e < layer.experts.weights.rows(); ++e) {
    work.rows.push_back(begin[static_cast<std::size_t>(e) + 1] - begin[static_cast<std::size_t>(e)]);
  }
  if (event.mix == nullptr) {
    work.gathered = event.plan.tokens_of_first(layer.experts.weights.rows());
  }
  if (!layer.shared.none()) {
    work.one = work_of_bank(executor, layer.shared.ffn);
  }
  return work;
}

LayerWork work_of_dense(const Executor& executor, const ExpertBank& bank, Index tokens) {
  LayerWork work{.tokens = tokens, .d_model = bank.ffn.d_model};
  work.one = work_of_bank(executor, bank);
  return work;
}

void RunState::note_work(Index step, const LayerEvent& event) {
  if (static_cast<std::size_t>(step) < kMostSteps) {
    works.resize(static_cast<std::size_t>(step) + 1);
    works.back().push_back(
        work_of_layer(experiment, stack.layers[static_cast<std::size_t>(event.layer)], event));
  }
}

std::vector<const ExpertBank*> banks_of(const MoeStack& stack) {
  std::vector<const ExpertBank*> banks;
  for (const MoeLayer& layer : stack.layers) {
    banks.push_back(&layer.experts);
    banks.push_back(&layer.shared.ffn);
  }
  return banks;
}

std::vector<const ExpertBank*> banks_of(const DenseStack& stack) {
  std::vector<const ExpertBank*> banks;
  for (const ExpertBank& layer : stack.layers) {
    banks.push_back(&layer);
  }
  return banks;
}

std::function<double()> weights_reader(const RunState& state, const std::vector<const ExpertBank*>& banks) {
  std::vector<std::span<const float>> memory;
  for (const ExpertBank* bank : banks) {
    if (bank->weights.rows() > 0) {
      memory.emplace_back(bank->weights.data(),
                          static_cast<std::size_t>(bank->weights.rows() * bank->weights.cols()));
    }
  }
  const auto reader =
      std::make_shared<PlainReader>(probe_kernels(*state.experiment.executor.executor), std::move(memory));
  return [&state, reader] { return reader->read(std::min(kReadBytes, reader->bytes()), state.context); };
}

void sample_rows(RunState& state) {
  const KernelSet& kernels = probe_kernels(*state.experiment.executor.executor);
  const Matrix& rows =
      state.workspace.rows_out.rows() > 0 ? state.workspace.rows_out : state.workspace.normed;
  PlainReader reader(kernels, {{rows.data(), static_cast<std::size_t>(rows.rows() * rows.cols())}});
  if (reader.bytes() > 0) {
    const std::uint64_t bytes = std::min(kReadBytes, reader.bytes());
    state.rows_read.push_back(reader.read(bytes, state.context));
    state.rows_again.push_back(std::max(state.rows_read.back(), reader.read(bytes, state.context)));
  }
}

void sample_limits(RunState& state, const std::vector<Contestant>& contestants) {
  const KernelSet& kernels = probe_kernels(*state.experiment.executor.executor);
  state.weights_read.resize(contestants.size());
  for (std::size_t i = 0; i < contestants.size(); ++i) {
    if (contestants[i].read_weights) {
      state.weights_read[i].push_back(contestants[i].read_weights());
    }
  }
  const PeakSample peak = measure_peak(kernels, state.context, kPeakSeconds);
  state.flops.push_back(peak.all);
  state.core_samples.push_back(peak.all / peak.one);
}

std::uint64_t share_bytes(const SharesScene& scene, const RunForecast& forecast) {
  const ExecutorChoice& executor = scene.experiment.executor;
  const std::optional<MachineLimits>& limits = scene.options.limits;
  const bool wanted =
      scene.options.measure_shares && scene.options.measure && scene.experiment.workload->tokens() > 0;
  const bool known = limits && limits->find_layout(executor.executor->layout()) != nullptr;
  const bool worth_it = scene.build.fit_to_measure() && scene.experiment.execute &&
                        executor.executor->multiplies_floats() && executor.kind != "serial" &&
                        executor.kind != "check";
  const std::uint64_t limit = scene.machine.memory_limit_bytes;
  const bool fits = limit == 0 || (forecast.bytes <= limit && kShareMemory <= limit - forecast.bytes);
  return wanted && !known && worth_it && fits && forecast.budget_s >= kLeastBudget ? kShareMemory : 0;
}

std::optional<MachineLimits> kernel_shares(RunState& state, const RunForecast& forecast) {
  const Executor& executor = *state.experiment.executor.executor;
  const std::optional<MachineLimits>& known = state.options.limits;
  if (known && known->find_layout(executor.layout()) != nullptr) {
    state.shares_source = "kept by moesim doctor --roofline";
    if (known->fitness == verdict_words(Fitness::unfit)) {
      state.shares_source +=
          ", measured when this machine was not fit to measure; moesim doctor --roofline --fresh measures "
          "them anew";
    }
    return known;
  }
  if (!forecast.measures_shares) {
    return std::nullopt;
  }
  state.shares_source = "measured before the rounds";
  return measure_limits({.threads = state.context.threads(),
                         .executors = {&executor},
                         .memory_bytes = kShareBuffer,
                         .rounds = 3});
}

void fill_roofline(const RunState& state, const std::optional<MachineLimits>& shares,
                   std::vector<Contestant>& contestants, RunRecord& record) {
  if (state.flops.empty() || state.works.empty() || state.rows_read.empty()) {
    return;
  }
  const Executor& executor = *state.experiment.executor.executor;
  const LayoutShares* layout = shares ? shares->find_layout(executor.layout()) : nullptr;
  Roofline roofline;
  const auto rates_of = [&](std::size_t contestant) {
    const double weights = median_of(state.weights_read[contestant]);
    return MachineRates{state.context.threads(), median_of(state.flops), weights, median_of(state.rows_read),
                        cache_read(shares, weights)};
  };
  const double steps = static_cast<double>(state.works.size());
  const MachineRates rates = rates_of(0);
  roofline.rates = rates;
  roofline.rates.rows_read = median_of(state.rows_again);
  for (const std::vector<LayerWork>& step : state.works) {
    for (const LayerWork& work : step) {
      roofline.limits.add(work, roofline.rates, 1 / steps);
      if (layout != nullptr) {
        roofline.predicted.add(predict_layer(work, rates, *shares, *layout));
      }
    }
  }
  for (double StageSeconds::*stage : {&StageSeconds::norm, &StageSeconds::gate, &StageSeconds::dispatch,
                                      &StageSeconds::experts, &StageSeconds::combine}) {
    roofline.predicted.*stage /= steps;
  }
  roofline.shares = layout != nullptr ? state.shares_source : "";
  if (!executor.multiplies_floats()) {
    roofline.limits.dispatch = {};
    roofline.limits.experts = {};
    record.timing.roofline = roofline;
    return;
  }
  for (std::size_t i = 0; i < contestants.size(); ++i) {
    VariantResult& result = contestants[i].result;
    if (result.width == 0 || !contestants[i].dense) {
      continue;
    }
    const MachineRates own = rates_of(i);
    MachineRates best = own;
    best.rows_read = roofline.rates.rows_read;
    StageLimits limits;
    for (const ExpertBank& bank : contestants[i].dense->layers) {
      const LayerWork work = work_of_dense(executor, bank, record.tokens);
      limits.add(work, best);
      if (layout != nullptr) {
        result.predicted_seconds += predict_layer(work, own, *shares, *layout).total();
      }
    }
    result.limit_seconds = limits.norm.seconds + limits.experts.seconds;
  }
  record.timing.roofline = roofline;
}

}  // namespace moesim
