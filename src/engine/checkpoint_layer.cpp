#include "engine/checkpoint_layer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/checked.h"
#include "core/error.h"
#include "experts/combine.h"
#include "experts/executor.h"
#include "experts/shared.h"
#include "models/checkpoint_experts.h"

namespace moesim {
namespace {

// Rows of one expert that are multiplied at once: fixed, as the bits of Eigen's products depend on it.
constexpr Index kTileRows = 256;
constexpr Index kTokensAtOnce = 1024;
constexpr std::uint64_t kBytesOfProgram = std::uint64_t{48} << 20;
constexpr std::uint64_t kBytesPerAssignment = 64;
constexpr double kLogitError = 4.0 / 16777216.0;  // 4·2⁻²⁴

std::uint64_t u64(Index n) {
  return static_cast<std::uint64_t>(n);
}

// Its sums run over blocks of the depth, so that their errors stay far below those of one long chain.
std::unique_ptr<Executor> reference_executor() {
  Binder binder;
  const Node section = scalar_section({{"kind", "serial"}});
  ExecutorChoice choice = make_executor(binder, &section);
  MOESIM_CHECK(choice.executor != nullptr, "no reference executor");
  return std::move(choice.executor);
}

double length(std::span<const float> row) {
  double sum = 0.0;
  for (const float v : row) {
    sum += static_cast<double>(v) * v;
  }
  return std::sqrt(sum);
}

std::vector<double> row_lengths(MatrixView matrix) {
  std::vector<double> lengths;
  for (Index r = 0; r < matrix.rows; ++r) {
    lengths.push_back(length(matrix.row(r)));
  }
  return lengths;
}

std::vector<std::int32_t> sorted_experts(const Assignments& assignments, Index token) {
  const auto t = static_cast<std::size_t>(token);
  std::vector<std::int32_t> experts(assignments.expert.begin() + assignments.begin[t],
                                    assignments.expert.begin() + assignments.begin[t + 1]);
  std::sort(experts.begin(), experts.end());
  return experts;
}

// The number of groups of experts that a router judges as wholes.
Index groups_of(const Policy& policy) {
  if (!policy.router->traits().limits_groups) {
    return 1;
  }
  for (const ResolvedValue& value : policy.resolved) {
    if (value.path == "router.num_expert_groups") {
      Index groups = 1;
      std::from_chars(value.value.data(), value.value.data() + value.value.size(), groups);
      return std::max<Index>(1, groups);
    }
  }
  return 1;
}

struct TieSearch {
  const Policy& policy;
  const RouteNumbers& numbers;
  const Assignments& chosen;
  const std::vector<double>& gate_lengths;
  const Context& context;
};

// Tokens [first, first + count) whose experts change when logits move against them. Two moves: the chosen
// experts down and all others up; and, where whole groups are left out, the groups of the chosen ones down.
void mark_ties(const TieSearch& search, Index first, Index count, std::vector<bool>& near) {
  const MatrixView logits = search.numbers.logits.view();
  const Index experts = logits.cols;
  const Index groups = groups_of(search.policy);
  const Index group = std::max<Index>(1, experts / groups);
  TokenBatch batch;
  batch.hidden.resize(count, 0);
  Matrix moved(count, experts);
  for (int move = 0; move < (groups > 1 ? 2 : 1); ++move) {
    for (Index t = 0; t < count; ++t) {
      const std::vector<std::int32_t> chosen = sorted_experts(search.chosen, first + t);
      std::vector<bool> down(static_cast<std::size_t>(experts));
      for (const std::int32_t e : chosen) {
        const Index begin = move == 0 ? e : e / group * group;
        const Index end = move == 0 ? e + 1 : std::min(experts, begin + group);
        std::fill(down.begin() + begin, down.begin() + end, true);
      }
      const double of_x = kLogitError / 2.0 * length(search.numbers.batch.hidden.row(first + t)) *
                          std::sqrt(static_cast<double>(search.numbers.batch.hidden.cols()));
      for (std::size_t e = 0; e < down.size(); ++e) {
        const double by = of_x * search.gate_lengths[e];
        moved.row(t)[e] = static_cast<float>(logits.row(first + t)[e] + (down[e] ? -by : by));
      }
    }
    const Routing routing = search.policy.router->route(
        {batch, moved.view(), search.numbers.state, search.policy.seed, 0, search.context});
    const auto& assignments = std::get<Assignments>(routing);
    for (Index t = 0; t < count; ++t) {
      if (sorted_experts(assignments, t) != sorted_experts(search.chosen, first + t)) {
        near[static_cast<std::size_t>(first + t)] = true;
      }
    }
  }
}

Index count_near_ties(const TieSearch& search) {
  const Index tokens = search.numbers.batch.num_tokens();
  std::vector<bool> near(static_cast<std::size_t>(tokens));
  for (Index first = 0; first < tokens; first += kTokensAtOnce) {
    mark_ties(search, first, std::min(kTokensAtOnce, tokens - first), near);
  }
  return static_cast<Index>(std::count(near.begin(), near.end(), true));
}

// Rows of a bank's experts: those of expert e are rows [begin[e], begin[e + 1]) of all that is given.
struct BankRows {
  const ExpertBank& bank;
  std::span<const Index> begin;  // [experts of the bank + 1]
  RowSource in;
  std::span<const float> out_weight;
  MutableMatrixView out;
};

struct Tile {
  Index expert = 0;
  Index first = 0;
  Index count = 0;
};

template <class T>
std::span<const T> part(std::span<const T> all, const Tile& tile) {
  return all.empty()
             ? all
             : all.subspan(static_cast<std::size_t>(tile.first), static_cast<std::size_t>(tile.count));
}

// By fixed tiles of rows, each alone.
void run_bank(const Executor& executor, const BankRows& rows, const Context& context) {
  std::vector<Tile> tiles;
  for (Index e = 0; e < rows.bank.num_experts(); ++e) {
    const Index end = rows.begin[static_cast<std::size_t>(e) + 1];
    for (Index first = rows.begin[static_cast<std::size_t>(e)]; first < end; first += kTileRows) {
      tiles.push_back({e, first, std::min(kTileRows, end - first)});
    }
  }
  context.for_each_block(static_cast<Index>(tiles.size()), [&](Index i) {
    const Tile& tile = tiles[static_cast<std::size_t>(i)];
    std::vector<Index> begin(static_cast<std::size_t>(rows.bank.num_experts()) + 1, tile.count);
    std::fill(begin.begin(), begin.begin() + tile.expert + 1, 0);
    const bool all_tokens = rows.in.token.empty();
    const ExpertRows some{
        .bank = rows.bank,
        .expert_begin = begin,
        .in = {.from = all_tokens ? rows.in.from.block(tile.first, tile.count) : rows.in.from,
               .token = part(rows.in.token, tile),
               .weight = part(rows.in.weight, tile)},
        .out_weight = part(rows.out_weight, tile),
        .out = rows.out.block(tile.first, tile.count)};
    const std::unique_ptr<ExecutorScratch> scratch = executor.make_scratch();
    executor.gather(some, *scratch, context);
    executor.run(some, *scratch, context);
  });
}

SharedExperts read_shared(const MoeCheckpoint& checkpoint, const BlockTensors& block,
                          const Executor& executor, const Context& context) {
  SharedExperts none;
  if (block.shared.empty()) {
    return none;
  }
  const CheckpointExperts source(checkpoint, block.shared);
  return make_shared_experts_of({.ffn = shared_shape(checkpoint.shape()),
                                 .source = source,
                                 .kind = checkpoint.shape().moe.shared_kind,
                                 .gate = read_shared_gate(checkpoint, block)},
                                executor, context);
}

}  // namespace

Policy checkpoint_policy(const MoeCheckpoint& checkpoint) {
  const ModelShape& shape = checkpoint.shape();
  Binder binder;
  Policy policy;
  policy.title = shape.name;
  LayerShape pool = shape.moe;
  pool.num_experts = shape.moe.pool_size();
  policy.router = make_router(binder, &shape.router, pool);
  if (policy.router == nullptr || !binder.diagnostics.empty()) {
    throw ConfigError(binder.diagnostics);
  }
  policy.num_zero_experts = shape.moe.zero_computation_experts();
  policy.router_name = router_name_of(binder.resolved);
  policy.resolved = std::move(binder.resolved);
  return policy;
}

RoutedLayer route_checkpoint_layer(const MoeCheckpoint& checkpoint, const BlockTensors& block,
                                   const Policy& policy, Matrix x, const Context& context) {
  const Gate gate = read_gate(checkpoint, block, policy.router->gate_rule());
  RoutedLayer routed;
  RouteNumbers& numbers = routed.numbers;
  numbers.logits.resize(x.rows(), gate.weight.rows());
  numbers.state.expert_bias = read_expert_bias(checkpoint, block);
  gate_logits(gate, {.hidden = x.view()}, {numbers.logits.view(), {}}, context);
  numbers.batch.hidden = std::move(x);
  routed.result = route_numbers(policy, numbers, context);
  routed.near_ties = count_near_ties({policy, numbers, std::get<Assignments>(routed.result.routing),
                                      row_lengths(gate.weight.view()), context});
  return routed;
}

Matrix run_checkpoint_layer(const MoeCheckpoint& checkpoint, const BlockTensors& block,
                            const RoutedLayer& routed, const Context& context) {
  const std::unique_ptr<Executor> executor = reference_executor();
  const DispatchPlan& plan = routed.result.plan;
  const MatrixView x = routed.numbers.batch.hidden.view();
  const BankShape shape = bank_shape(checkpoint.shape());
  Matrix rows(plan.num_rows(), x.cols);
  const bool on_input = plan.weight_on == WeightOn::input;
  const auto run_group = [&](Index first, Index count, const BankShape& of_group,
                             const std::vector<FfnTensors>& ffns) {
    const auto begin = std::span(plan.expert_begin)
                           .subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count) + 1);
    if (begin.back() == begin.front()) {
      return;
    }
    const ExpertBank bank = make_bank_of(of_group, CheckpointExperts(checkpoint, ffns), *executor, context);
    run_bank(
        *executor,
        {bank,
         begin,
         {x, plan.row_token, on_input ? std::span<const float>(plan.row_weight) : std::span<const float>()},
         on_input ? std::span<const float>() : std::span<const float>(plan.row_weight),
         rows.view()},
        context);
  };
  for (Index first = 0; first < shape.num_experts; first += context.threads()) {
    const Index count = std::min<Index>(context.threads(), shape.num_experts - first);
    const auto from = block.experts.begin() + first;
    run_group(first, count, {.ffn = shape.ffn, .num_experts = count}, {from, from + count});
  }
  BankShape others = shape;
  others.num_experts = 0;
  run_group(shape.num_experts, checkpoint.shape().moe.zero_computation_experts(), others, {});

  const SharedExperts shared = read_shared(checkpoint, block, *executor, context);
  Matrix shared_out(shared.none() ? 0 : x.rows, x.cols);
  if (!shared.none()) {
    const Index begin[] = {0, x.rows};
    run_bank(*executor, {shared.ffn, begin, {.from = x}, {}, shared_out.view()}, context);
  }
  Matrix y(x.rows, x.cols);
  const bool begin_with_shared = !shared.none() && shared.kind == SharedKind::plain;
  combine(plan, rows.view(), begin_with_shared ? MatrixView(shared_out.view()) : MatrixView(), y.view(),
          context);
  if (!shared.none() && !begin_with_shared) {
    add_shared(shared, {x, shared_out.view(), y.view()}, context);
  }
  return y;
}

std::uint64_t checkpoint_layer_bytes(const ModelShape& shape, const LayerMemory& memory) {
  const char* what = "the memory of the layer";
  const std::uint64_t tokens = u64(memory.tokens);
  const std::uint64_t width = u64(shape.d_model);
  const std::uint64_t pool = u64(shape.moe.pool_size());
  std::uint64_t total = kBytesOfProgram;
  const auto add = [&](std::initializer_list<std::uint64_t> factors) {
    total = checked_add(total, checked_product(factors, what), what);
  };
  add({tokens, width, sizeof(float)});
  add({pool, width, sizeof(float)});
  add({tokens, pool, sizeof(float)});
  add({u64(std::min(memory.tokens, kTokensAtOnce)), pool, 2 * sizeof(float)});
  const std::uint64_t assignments = checked_mul(tokens, u64(shape.top_k), what);
  add({assignments, kBytesPerAssignment});
  if (memory.router_only) {
    return total;
  }
  const auto executor = reference_executor();
  const auto threads = static_cast<std::uint64_t>(memory.threads);
  add({assignments, width, sizeof(float)});
  add({tokens, width, sizeof(float)});
  const auto add_ffn = [&](const FfnShape& ffn, std::uint64_t at_once) {
    add({executor->expert_bytes(ffn), at_once});
    add({executor->scratch_bytes(ffn, kTileRows, 1), threads});
    constexpr std::uint64_t kMatricesOfUnits =
        5;  // three, and one in the order of the file, perhaps twice as wide
    add({u64(std::min<Index>(ffn.width, 512)), width, kMatricesOfUnits * sizeof(float), threads});
  };
  add_ffn(bank_shape(shape).ffn, std::min(threads, u64(shape.moe.num_experts)));
  if (shape.moe.has_shared()) {
    add({tokens, width, sizeof(float)});
    add_ffn(shared_shape(shape), 1);
  }
  return total;
}

void check_layer_memory(const ModelShape& shape, const LayerMemory& memory, const MachineInfo& machine,
                        const std::string& where) {
  std::string needs = "more than 2^64 bytes";
  try {
    const std::uint64_t bytes = checkpoint_layer_bytes(shape, memory);
    if (machine.memory_limit_bytes == 0 || bytes <= machine.memory_limit_bytes) {  // 0: unknown
      return;
    }
    needs = fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1 << 30));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::out_of_memory) {
      throw;
    }
  }
  throw Error(
      ErrorKind::out_of_memory,
      fmt::format("{}: error: the layer needs {} for {} tokens on {} threads; expected at most {:.1f} GiB, "
                  "four fifths of the memory that is free [out-of-memory]",
                  where, needs, memory.tokens, memory.threads,
                  static_cast<double>(machine.memory_limit_bytes) / (1 << 30)),
      "give it fewer tokens, or fewer threads (-j), each of which holds an expert");
}

}  // namespace moesim
