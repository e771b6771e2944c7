// How well the stages of a Mixture-of-Experts layer are predicted (metrics/predict.h): layers of many shapes,
// loads and types of weights, measured in turns with the machine's limits.
//
//   moesim_predict [rounds] [most_mib]
//
// rounds: of each configuration (default 7). most_mib: larger banks are left out (default 2048).

#include <fmt/format.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>

#include "core/stopwatch.h"
#include "engine/probe_limits.h"
#include "experts/combine.h"
#include "io/row_format.h"
#include "metrics/predict.h"
#include "router/gate.h"

namespace {

using namespace moesim;

struct Shape {
  const char* name;
  Index experts, top_k, d_model, d_ff;
  const char* weights;
  std::vector<Index> tokens;
};

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {{"quickstart", 8, 2, 256, 512, "float32", {16, 256, 2048}},
                                         {"small", 8, 2, 1024, 2048, "float32", {1, 16, 128, 1024}},
                                         {"small", 8, 2, 1024, 2048, "bf16", {1, 16, 128, 1024}},
                                         {"small", 8, 2, 1024, 2048, "int8", {4, 64, 512}},
                                         {"wide", 4, 1, 512, 4096, "float32", {8, 64, 512}},
                                         {"fine", 64, 8, 512, 256, "float32", {1, 16, 128, 1024}},
                                         {"fine", 64, 8, 512, 256, "fp16", {16, 256}},
                                         {"many", 256, 8, 1024, 256, "float32", {1, 32, 256, 1024}},
                                         {"many", 256, 8, 1024, 256, "bf16", {8, 128, 512}},
                                         {"olmoe", 64, 8, 2048, 1024, "float32", {1, 4, 16, 64, 256, 1024}},
                                         {"olmoe", 64, 8, 2048, 1024, "bf16", {1, 16, 256}},
                                         {"olmoe", 64, 8, 2048, 1024, "int8", {1, 16, 256}},
                                         {"qwen3", 128, 8, 2048, 768, "bf16", {2, 32, 256}},
                                         {"mixtral", 8, 2, 2048, 7168, "float32", {1, 8, 32, 128}},
                                         {"mixtral", 8, 2, 2048, 7168, "fp16", {2, 32, 256}},
                                         {"switch", 32, 1, 768, 3072, "float32", {1, 32, 256, 2048}},
                                         {"switch", 32, 1, 768, 3072, "int8", {8, 512}},
                                         {"dense", 1, 1, 1024, 4096, "float32", {1, 16, 128, 512}}};
  return all;
}

// k different experts for every token; expert e is as likely as (e + 1)^−skew.
Assignments routing_of(const Shape& shape, Index tokens, double skew, std::uint64_t seed) {
  Assignments a;
  a.num_experts = shape.experts;
  a.begin.push_back(0);
  std::vector<double> weight(static_cast<std::size_t>(shape.experts));
  for (Index t = 0; t < tokens; ++t) {
    RandomSequence random({.seed = seed}, static_cast<std::uint64_t>(t));
    for (std::size_t e = 0; e < weight.size(); ++e) {
      weight[e] = std::pow(static_cast<double>(e + 1), -skew);
    }
    for (Index k = 0; k < shape.top_k; ++k) {
      double sum = 0;
      for (const double w : weight) {
        sum += w;
      }
      double place = sum * random.next_below(1u << 24) / static_cast<double>(1u << 24);
      std::size_t e = 0;
      while (e + 1 < weight.size() && (weight[e] == 0 || place >= weight[e])) {
        place -= weight[e++];
      }
      while (weight[e] == 0) {
        e = (e + 1) % weight.size();
      }
      weight[e] = 0;
      a.expert.push_back(static_cast<std::int32_t>(e));
      a.weight.push_back(1.0F / static_cast<float>(shape.top_k));
      a.score.push_back(0.5F);
    }
    a.begin.push_back(static_cast<Index>(a.expert.size()));
  }
  return a;
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
    plan_ = make_plan({.assignments = routing_of(shape_, tokens_, skew_, seed), .top_k = shape_.top_k});
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
    work.expert =
        expert_work(shape_.d_model, shape_.d_ff, bank_.ffn.activation, executor_.expert_bytes(bank_.ffn));
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
    // First the rows, as the step leaves them.
    PlainReader rows(machine.kernels, {config.rows()});
    const double rows_read = rows.read(rows.bytes(), machine.context);
    const MachineRates rates{
        .threads = machine.context.threads(),
        .flops = measure_peak(machine.kernels, machine.context, 4e-3).all,
        .weights_read = reader.read(static_cast<std::uint64_t>(std::clamp(bytes, 4e6, 1e9)), machine.context),
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
  const int rounds = argc > 1 ? std::max(3, std::atoi(argv[1])) : 7;
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
  for (const Shape& shape : shapes()) {
    const Executor& executor = *executors[shape.weights];
    const FfnShape ffn{shape.d_model, shape.d_ff};
    if ((!only.empty() && only != shape.name) ||
        static_cast<double>(executor.expert_bytes(ffn)) * static_cast<double>(shape.experts) > most_bytes) {
      continue;
    }
    const ExpertBank bank = make_bank(
        {.num_experts = shape.experts, .d_model = shape.d_model, .width = shape.d_ff}, executor, context);
    PlainReader reader(kernels, {{bank.weights.data(),
                                  static_cast<std::size_t>(bank.weights.rows() * bank.weights.cols())}});
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
      fmt::print("{:10} {:8} {:>5} {:>5.1f}  {:>8.3f} ms {:>8.3f} ms {:>6.2f}  {}\n", shape.name,
                 shape.weights, shape.tokens[i], skew, 1e3 * total(o.measured), 1e3 * total(o.predicted),
                 o.ratio, stages);
      std::fflush(stdout);
    }
  }
  fmt::print("\n{} configurations: median error {:.1f} %, 90 % below {:.1f} %, worst {:.1f} %\n",
             errors.size(), 100 * quantile(errors, 0.5), 100 * quantile(errors, 0.9),
             100 * quantile(errors, 1.0));
  return 0;
}
