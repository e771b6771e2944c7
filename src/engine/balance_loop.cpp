#include "engine/balance_loop.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/checked.h"
#include "core/error.h"
#include "engine/given_layer.h"
#include "engine/run.h"
#include "metrics/load.h"

namespace moesim {
namespace {

constexpr Index kRowsPerBlock = 64;

// What all controllers see of a step.
struct LoopStep {
  TokenBatch batch;
  Matrix logits;           // [T,E]
  Matrix noise_deviation;  // [T,E] of learned noise, else no rows
  Matrix scores;           // [T,E] unbiased
};

struct Lane {
  const Controller* controller = nullptr;  // nullptr: the router alone
  ControllerState state;
  Counts loads{};  // [E] of the step before
};

struct Chosen {
  Counts loads;  // [E]
  double mass = 0;
};

class Loop {
 public:
  Loop(const Experiment& experiment, const Context& context)
      : experiment_(experiment), context_(context), traits_(experiment.router->traits()) {
    before_.expert_bias = starting_bias(experiment);
    lanes_.push_back({});
    for (const ControllerChoice& choice : experiment.balance->controllers) {
      lanes_.push_back({choice.controller.get(),
                        choice.controller->start(experiment.shape.pool_size(), before_.expert_bias)});
    }
    const Index tokens = experiment.workload->tokens();
    step_.batch.hidden.resize(tokens, 1);
    step_.batch.hidden.fill(0.0F);
    step_.batch.token_id.resize(static_cast<std::size_t>(tokens));
    step_.logits.resize(tokens, experiment.shape.pool_size());
    step_.noise_deviation.resize(experiment.router->gate_rule().learned_noise ? tokens : 0,
                                 experiment.shape.pool_size());
    step_.scores.resize(tokens, experiment.shape.pool_size());
  }

  const std::vector<Lane>& lanes() const { return lanes_; }

  // Makes the step's logits and scores.
  void load(Index step, const FillLogits& fill) {
    step_.batch.first_token = static_cast<std::uint64_t>(step * step_.logits.rows());
    fill(step, {step_.logits.view(), step_.noise_deviation.view()}, context_);
    for_each_row([&](Index t) { score_row(traits_.score_func, step_.logits.row(t), step_.scores.row(t)); });
  }

  // Routes with the lane's state, and moves it on.
  BalanceStep advance(std::size_t lane_number) {
    Lane& lane = lanes_[lane_number];
    const bool by_thresholds = !lane.state.thresholds.empty();
    const Chosen chosen = by_thresholds ? choose_by_thresholds(lane.state.thresholds) : choose(lane);
    lane.loads = chosen.loads;
    if (lane.controller != nullptr) {
      lane.state =
          lane.controller->next(lane.state, {.loads = chosen.loads,
                                             .tokens = step_.logits.rows(),
                                             .top_k = traits_.top_k,
                                             .num_zero_experts = experiment_.shape.zero_computation_experts(),
                                             .values = values()});
    }
    return measure(chosen);
  }

 private:
  template <class Body>
  void for_each_row(const Body& body) const {
    const Index rows = step_.logits.rows();
    context_.for_each_block((rows + kRowsPerBlock - 1) / kRowsPerBlock, [&](Index block) {
      for (Index t = block * kRowsPerBlock; t < std::min(rows, (block + 1) * kRowsPerBlock); ++t) {
        body(t);
      }
    });
  }

  MatrixView values() const {
    return traits_.bias_unit == BiasUnit::logit ? step_.logits.view() : step_.scores.view();
  }

  Chosen choose(const Lane& lane) const {
    const RouterState state =
        lane.controller == nullptr ? before_ : steered(*lane.controller, lane.state, before_);
    const Routing routing =
        experiment_.router->route({step_.batch, step_.logits.view(), state, experiment_.seed, 0, context_,
                                   step_.noise_deviation.view()});
    const auto& assignments = std::get<Assignments>(routing);
    Chosen chosen{.loads = Counts(static_cast<std::size_t>(experiment_.shape.pool_size()))};
    for (std::size_t n = 0; n < assignments.expert.size(); ++n) {
      ++chosen.loads[static_cast<std::size_t>(assignments.expert[n])];
      chosen.mass += static_cast<double>(assignments.score[n]);
    }
    return chosen;
  }

  // Every expert takes the tokens whose value reaches its threshold.
  Chosen choose_by_thresholds(const std::vector<double>& thresholds) const {
    Chosen chosen{.loads = Counts(thresholds.size())};
    const MatrixView compared = values();
    for (Index t = 0; t < compared.rows; ++t) {
      for (std::size_t e = 0; e < thresholds.size(); ++e) {
        if (static_cast<double>(compared.row(t)[e]) >= thresholds[e]) {
          ++chosen.loads[e];
          chosen.mass += static_cast<double>(step_.scores.row(t)[e]);
        }
      }
    }
    return chosen;
  }

  BalanceStep measure(const Chosen& chosen) const {
    const auto tokens = static_cast<double>(std::max<Index>(1, step_.logits.rows()));
    const std::span<const std::uint64_t> all(chosen.loads);
    const std::span<const std::uint64_t> real =
        all.first(all.size() - static_cast<std::size_t>(experiment_.shape.zero_computation_experts()));
    const LoadStats stats = load_stats(real);
    const auto sum = [](std::span<const std::uint64_t> loads) {
      double total = 0;
      for (const std::uint64_t load : loads) {
        total += static_cast<double>(load);
      }
      return total;
    };
    return {.max_violation = stats.max_violation,
            .min_violation = 1.0 - stats.min_over_mean,
            .dead_experts = static_cast<double>(stats.dead_experts),
            .gate_mass = chosen.mass / tokens,
            .experts_per_token = sum(all) / tokens,
            .real_experts_per_token = sum(real) / tokens};
  }

  const Experiment& experiment_;
  const Context& context_;
  RouterTraits traits_;
  RouterState before_;
  std::vector<Lane> lanes_;
  LoopStep step_;
};

void check_loop_memory(const Experiment& experiment, const MachineInfo& machine) {
  const auto tokens = static_cast<std::uint64_t>(experiment.workload->tokens());
  const auto experts = static_cast<std::uint64_t>(experiment.shape.pool_size());
  const auto width = static_cast<std::uint64_t>(experiment.shape.d_model);
  const std::uint64_t top_k = static_cast<std::uint64_t>(experiment.router->traits().top_k);
  std::string needs = "more than 2^64 bytes";
  try {
    const std::uint64_t arrays = experiment.router->gate_rule().learned_noise ? 3 : 2;
    std::uint64_t bytes = checked_product({tokens, experts, arrays * sizeof(float)}, "the logits");
    bytes = checked_add(bytes, checked_product({tokens, top_k, 20}, "the routing"), "the closed loop");
    if (experiment.balance->stream.kind == "workload") {
      bytes =
          checked_add(bytes, checked_product({experts, width, sizeof(float)}, "the gate"), "the closed loop");
      bytes =
          checked_add(bytes, checked_product({tokens, width, sizeof(float)}, "the batch"), "the closed loop");
      bytes = checked_add(
          bytes, experiment.workload->memory_bytes(experiment.workload->tokens(), experiment.shape.d_model),
          "the closed loop");
    }
    if (machine.memory_limit_bytes == 0 || bytes <= machine.memory_limit_bytes) {  // 0: unknown
      return;
    }
    needs = fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1 << 30));
  } catch (const Error&) {  // a size that does not fit 64 bits: refused below like any other
  }
  throw Error(
      ErrorKind::out_of_memory,
      fmt::format("{}: error: the closed loop needs {}; expected at most {:.1f} GiB, four fifths of the "
                  "memory that is free [out-of-memory]",
                  experiment.source.name, needs, static_cast<double>(machine.memory_limit_bytes) / (1 << 30)),
      "make workload.tokens or layer.num_experts smaller");
}

NoiseFloor floor_of_a_step(const Experiment& experiment) {
  const Index real = experiment.shape.pool_size() - experiment.shape.zero_computation_experts();
  const Index top_k = std::min(real, experiment.router->traits().top_k);
  Counts tokens_with_k(static_cast<std::size_t>(top_k) + 1);
  tokens_with_k.back() = static_cast<std::uint64_t>(experiment.workload->tokens());
  const std::vector<Counts> layers = {tokens_with_k};
  return noise_floor(layers, real, experiment.seed);
}

BalanceRecord start_record(const Experiment& experiment) {
  const RouterTraits traits = experiment.router->traits();
  BalanceRecord record{.name = experiment.name,
                       .config_source = experiment.source.name,
                       .resolved = experiment.resolved,
                       .router = experiment.router_name,
                       .bias_unit = traits.bias_unit,
                       .stream = experiment.balance->stream.kind,
                       .num_experts = experiment.shape.pool_size(),
                       .num_zero_experts = experiment.shape.zero_computation_experts(),
                       .tokens = experiment.workload->tokens(),
                       .top_k = traits.top_k,
                       .seed = experiment.seed,
                       .noise_floor = floor_of_a_step(experiment),
                       .courses = {}};
  record.courses.push_back({.title = "none", .kind = "none", .path = {}, .steps = {}, .last = {}});
  for (const ControllerChoice& choice : experiment.balance->controllers) {
    record.courses.push_back({.title = choice.title,
                              .kind = choice.kind,
                              .path = choice.path,
                              .steps = {},
                              .last = {},
                              .acts = choice.controller->traits().acts});
  }
  return record;
}

double mean_max_violation(const std::vector<BalanceStep>& steps, std::size_t first, std::size_t last) {
  double sum = 0;
  double count = 0;
  for (std::size_t i = first; i < std::min(steps.size(), last + 1); ++i) {
    sum += steps[i].max_violation;
    count += 1;
  }
  return sum / count;  // 0/0 without a step
}

}  // namespace

BalanceSummary summarise_course(const std::vector<BalanceStep>& steps) {
  BalanceSummary summary{.first = mean_max_violation(steps, 0, 0),
                         .steps_1_5 = mean_max_violation(steps, 1, 5),
                         .steps_45_55 = mean_max_violation(steps, 45, 55)};
  const std::size_t from = steps.size() - std::min<std::size_t>(50, steps.size());
  for (double BalanceStep::*field :
       {&BalanceStep::max_violation, &BalanceStep::min_violation, &BalanceStep::dead_experts,
        &BalanceStep::gate_mass, &BalanceStep::experts_per_token, &BalanceStep::real_experts_per_token}) {
    double sum = 0;
    for (std::size_t i = from; i < steps.size(); ++i) {
      sum += steps[i].*field;
    }
    summary.last_50.*field = sum / static_cast<double>(steps.size() - from);
  }
  const auto below =
      std::find_if(steps.begin(), steps.end(), [](const BalanceStep& s) { return s.max_violation < 0.5; });
  if (below != steps.end()) {
    summary.first_below_half = below - steps.begin();
  }
  return summary;
}

BalanceRecord run_balance(const Experiment& experiment, const BalanceOptions& options) {
  MOESIM_CHECK(experiment.balance && !experiment.balance->controllers.empty() &&
                   experiment.balance->stream.stream != nullptr,
               "a closed loop without controllers or logits");
  const MachineInfo machine = read_machine();
  check_loop_memory(experiment, machine);
  const Context context({.threads = resolve_threads(experiment, {.threads = options.threads}, machine)});
  const FillLogits fill = experiment.balance->stream.stream->open();
  BalanceRecord record = start_record(experiment);
  Loop loop(experiment, context);
  for (Index step = 0; step < experiment.balance->steps; ++step) {
    loop.load(step, fill);
    for (std::size_t lane = 0; lane < record.courses.size(); ++lane) {
      record.courses[lane].steps.push_back(loop.advance(lane));
    }
    if (options.on_progress) {
      options.on_progress("balancing",
                          static_cast<double>(step + 1) / static_cast<double>(experiment.balance->steps));
    }
    if (options.stop_requested && options.stop_requested() && step + 1 < experiment.balance->steps) {
      record.interrupted = true;
      break;
    }
  }
  for (std::size_t lane = 0; lane < record.courses.size(); ++lane) {
    record.courses[lane].last = loop.lanes()[lane].state;
    record.courses[lane].last_loads = loop.lanes()[lane].loads;
  }
  return record;
}

}  // namespace moesim
