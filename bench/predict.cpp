// How well the stages of a Mixture-of-Experts layer are predicted (metrics/predict.h): layers of many shapes,
// loads and types of weights, measured in turns with the machine's limits.
//
//   moesim_predict [rounds] [most_mib] [shape]
//
// rounds: of each configuration (default 7). most_mib: larger banks are left out (default 2048). shape: only
// this one.

#include <fmt/format.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>

#include "bench/support.h"
#include "core/stopwatch.h"
#include "engine/probe_limits.h"
#include "experts/combine.h"
#include "io/row_format.h"
#include "metrics/predict.h"
#include "router/gate.h"

namespace {

using namespace moesim;
using namespace moesim::bench;

struct Layer {
  Shape shape;
  const char* weights;
};

const std::vector<Layer>& layers() {
  static const std::vector<Layer> all = {{{"quickstart", 8, 2, 256, 512, {16, 256, 2048}}, "float32"},
                                         {{"small", 8, 2, 1024, 2048, {1, 16, 128, 1024}}, "float32"},
                                         {{"small", 8, 2, 1024, 2048, {1, 16, 128, 1024}}, "bf16"},
                                         {{"small", 8, 2, 1024, 2048, {4, 64, 512}}, "int8"},
                                         {{"wide", 4, 1, 512, 4096, {8, 64, 512}}, "float32"},
                                         {{"fine", 64, 8, 512, 256, {1, 16, 128, 1024}}, "float32"},
                                         {{"fine", 64, 8, 512, 256, {16, 256}}, "fp16"},
                                         {{"many", 256, 8, 1024, 256, {1, 32, 256, 1024}}, "float32"},
                                         {{"many", 256, 8, 1024, 256, {8, 128, 512}}, "bf16"},
                                         {{"olmoe", 64, 8, 2048, 1024, {1, 4, 16, 64, 256, 1024}}, "float32"},
                                         {{"olmoe", 64, 8, 2048, 1024, {1, 16, 256}}, "bf16"},
                                         {{"olmoe", 64, 8, 2048, 1024, {1, 16, 256}}, "int8"},
                                         {{"qwen3", 128, 8, 2048, 768, {2, 32, 256}}, "bf16"},
                                         {{"mixtral", 8, 2, 2048, 7168, {1, 8, 32, 128}}, "float32"},
                                         {{"mixtral", 8, 2, 2048, 7168, {2, 32, 256}}, "fp16"},
                                         {{"switch", 32, 1, 768, 3072, {1, 32, 256, 2048}}, "float32"},
                                         {{"switch", 32, 1, 768, 3072, {8, 512}}, "int8"},
                                         {{"dense", 1, 1, 1024, 4096, {1, 16, 128, 512}}, "float32"}};
  return all;
}

constexpr double StageSeconds::*kStages[] = {&StageSeconds::gate, &StageSeconds::dispatch,
                                             &StageSeconds::experts, &StageSeconds::combine};
double total(const StageSeconds& seconds) {
  double sum = 0;
  for (double StageSeconds::*stage : kStages) {
    sum += seconds.*stage;
  }
  return sum;
}

// One configuration.
struct Outcome {
  StageSeconds measured, predicted;  // medians
  double ratio = 0;                  // of the sums, predicted over measured, median of the rounds
};

class Config {
 public:
  Config(const Shape& shape, const Executor& executor, const ExpertBank& bank, Index tokens, double skew)
      : shape_(shape),
        executor_(executor),
        bank_(bank),
        tokens_(tokens),
        gate_(make_gate(1, 0, shape.experts, shape.d_model, {})),
        x_(tokens, shape.d_model),
        logits_(tokens, shape.experts),
        rows_(tokens * shape.top_k, shape.d_model),
        y_(tokens, shape.d_model),
        scratch_(executor.make_scratch()),
        skew_(skew) {
    for (Index t = 0; t < tokens; ++t) {
      fill_normal({.seed = 3}, static_cast<std::uint64_t>(t), 1.0F, x_.row(t));
    }
  }

  // One step with a routing of its own.
  void plan(std::uint64_t seed) {
    plan_ = make_plan({.assignments = zipf_routing(shape_, tokens_, seed, skew_), .top_k = shape_.top_k});
  }
  StageSeconds run(const Context& context) {
    StageSeconds s;
    Stopwatch watch;
    gate_logits(gate_, {.hidden = x_.view()}, {logits_.view(), {}}, context);
    s.gate = watch.lap();
    const ExpertRows rows{.bank = bank_,
                          .expert_begin = plan_.expert_begin,
                          .in = {.from = x_.view(), .token = plan_.row_token},
                          .out_weight = plan_.row_weight,
                          .out = rows_.view()};
    executor_.gather(rows, *scratch_, context);
    s.dispatch = watch.lap();
    executor_.run(rows, *scratch_, context);
    s.experts = watch.lap();
    combine(plan_, rows_.view(), {}, y_.view(), context);
    s.combine = watch.lap();
    return s;
  }
  LayerWork work() const {
    LayerWork work{.tokens = tokens_, .d_model = shape_.d_model};
    work.gate = GateWork{tokens_, shape_.experts, shape_.d_model, kGateTileRows};
    work.expert = expert_work(bank_.ffn, executor_.expert_bytes(bank_.ffn));
    for (std::size_t e = 0; e + 1 < plan_.expert_begin.size(); ++e) {
      work.rows.push_back(plan_.expert_begin[e + 1] - plan_.expert_begin[e]);
    }
    return work;
  }
  std::span<const float> rows() const {
    return {rows_.data(), static_cast<std::size_t>(rows_.rows() * rows_.cols())};
  }

 private:
  const Shape& shape_;
  const Executor& executor_;
  const ExpertBank& bank_;
  Index tokens_;
  Gate gate_;
  Matrix x_, logits_, rows_, y_;
  std::unique_ptr<ExecutorScratch> scratch_;
  double skew_;
  DispatchPlan plan_;
};

struct Machine {
  const KernelSet& kernels;
  const Context& context;
  const MachineLimits& limits;
  const LayoutShares& layout;
};

// Steps and limits in turns; medians over the rounds.
Outcome measure(Config& config, PlainReader& reader, const Machine& machine, int rounds) {
  constexpr double kSeconds = 2e-3;
  constexpr int kMostSteps = 200;
  std::vector<StageSeconds> measured, predicted;
  config.plan(0);
  config.run(machine.context);
  for (int round = 0; round < rounds; ++round) {
    StageSeconds sum, expected;
    std::vector<LayerWork> steps;
    while (steps.empty() || (sum.total() < kSeconds && steps.size() < kMostSteps)) {
      config.plan(static_cast<std::uint64_t>(round * kMostSteps) + steps.size() + 1);
      sum.add(config.run(machine.context));
      steps.push_back(config.work());
    }
    double bytes = 0;
    for (const LayerWork& step : steps) {
      for (const Index r : step.rows) {
        bytes += r > 0 ? step.expert.weight_bytes : 0;
      }
    }
    // First the rows, as the step leaves them. The peak comes last: after a loop that moves no data some
    // processors read slowly for a while.
    PlainReader rows(machine.kernels, {config.rows()});
    const double rows_read = rows.read(rows.bytes(), machine.context);
    const double weights_read =
        reader.read(static_cast<std::uint64_t>(std::clamp(bytes, 4e6, 1e9)), machine.context);
    const MachineRates rates{.threads = machine.context.threads(),
                             .flops = measure_peak(machine.kernels, machine.context, 4e-3).all,
                             .weights_read = weights_read,
                             .rows_read = rows_read,
                             .cache_read = machine.limits.cache_read()};
    for (const LayerWork& step : steps) {
      expected.add(predict_layer(step, rates, machine.limits, machine.layout));
    }
    for (double StageSeconds::*stage : kStages) {
      sum.*stage /= static_cast<double>(steps.size());
      expected.*stage /= static_cast<double>(steps.size());
    }
    measured.push_back(sum);
    predicted.push_back(expected);
  }
  Outcome outcome;
  std::vector<double> ratios;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    ratios.push_back(total(predicted[i]) / total(measured[i]));
  }
  outcome.ratio = median(ratios);
  for (double StageSeconds::*stage : kStages) {
    std::vector<double> m, p;
    for (std::size_t i = 0; i < measured.size(); ++i) {
      m.push_back(measured[i].*stage);
      p.push_back(predicted[i].*stage);
    }
    outcome.measured.*stage = median(m);
    outcome.predicted.*stage = median(p);
  }
  return outcome;
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0
                        : values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1) + 0.5)];
}

}  // namespace

int main(int argc, char** argv) {
  const tbb::global_control workers(tbb::global_control::max_allowed_parallelism, 16);
  const int rounds = rounds_argument(argc, argv, 7, "moesim_predict [ROUNDS, at least 3] [MOST_MIB] [SHAPE]");
  const double most_bytes = 1048576.0 * (argc > 2 ? std::atof(argv[2]) : 2048.0);
  const std::string only = argc > 3 ? argv[3] : "";
  std::map<std::string, std::unique_ptr<Executor>> executors;
  std::vector<const Executor*> list;
  for (const char* type : {"float32", "bf16", "fp16", "int8"}) {
    executors[type] = default_executor(type);
    list.push_back(executors[type].get());
  }
  const int threads = read_machine().usable_cores;
  const Context context({.threads = threads});
  const KernelSet& kernels = probe_kernels(*list.front());
  const Stopwatch watch;
  const MachineLimits limits = measure_limits({.threads = threads, .executors = list, .rounds = rounds});
  fmt::print("limits measured in {:.1f} s\n", watch.seconds());
  for (const FlatEntry& entry : flatten(limits)) {
    fmt::print("  {} {}\n", entry.name, plain_text(entry.value));
  }
  fmt::print("\n{:10} {:8} {:>5} {:>5}  {:>10} {:>10} {:>6}  {}\n", "shape", "weights", "T", "skew",
             "measured", "predicted", "ratio", "predicted over measured: gate, dispatch, experts, combine");
  std::vector<double> errors;
  for (const auto& [shape, weights] : layers()) {
    const Executor& executor = *executors[weights];
    const FfnShape ffn{shape.d_model, shape.d_ff};
    if ((!only.empty() && only != shape.name) ||
        static_cast<double>(executor.expert_bytes(ffn)) * static_cast<double>(shape.experts) > most_bytes) {
      continue;
    }
    const ExpertBank bank = make_bank(
        {.num_experts = shape.experts, .d_model = shape.d_model, .width = shape.d_ff}, executor, context);
    PlainReader reader(kernels, {weights_of(bank)});
    for (std::size_t i = 0; i < shape.tokens.size(); ++i) {
      const double skew = i % 2 == 0 ? 0.0 : 1.0;
      Config config(shape, executor, bank, shape.tokens[i], skew);
      const Outcome o =
          measure(config, reader, {kernels, context, limits, *limits.find_layout(executor.layout())}, rounds);
      errors.push_back(std::abs(o.ratio - 1));
      std::string stages;
      for (double StageSeconds::*stage : kStages) {
        stages += fmt::format(" {:5.2f} ({:4.1f} %)", o.predicted.*stage / o.measured.*stage,
                              100 * (o.measured.*stage) / total(o.measured));
      }
      fmt::print("{:10} {:8} {:>5} {:>5.1f}  {:>8.3f} ms {:>8.3f} ms {:>6.2f}  {}\n", shape.name, weights,
                 shape.tokens[i], skew, 1e3 * total(o.measured), 1e3 * total(o.predicted), o.ratio, stages);
      std::fflush(stdout);
    }
  }
  fmt::print("\n{} configurations: median error {:.1f} %, 90 % below {:.1f} %, worst {:.1f} %\n",
             errors.size(), 100 * quantile(errors, 0.5), 100 * quantile(errors, 0.9),
             100 * quantile(errors, 1.0));
  return 0;
}
