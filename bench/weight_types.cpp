// What narrower weights and activations give and cost: for each pair the error against float64 and the
// tokens/s over those of float32, in prefill and in decoding, and what the machine's own dot products would
// give. All pairs take turns.
//
//   moesim_weight_types [rounds] [shape]

#include <fmt/format.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <cstdlib>

#include "bench/support.h"
#include "experts/kernels/choose_dots.h"
#include "metrics/interval.h"
#include "support/reference.h"

namespace {

using namespace moesim;
using namespace moesim::bench;

struct Pair {
  const char* weights;
  const char* activations;
};
constexpr Pair kPairs[] = {{"float32", "float32"}, {"bf16", "float32"}, {"fp16", "float32"},
                           {"int8", "float32"},    {"bf16", "bf16"},    {"int8", "int8"}};

// One pair's layer, in prefill and in decoding.
struct Side {
  Pair pair;
  ExecutorChoice choice;
  ExpertBank bank;
  std::unique_ptr<Work> prefill, decode;
  std::vector<double> prefill_ratio, decode_ratio;
};

// Relative root mean square of the difference from the expert in double precision, over one row of each of
// some experts.
double error_of(const Side& side, const BankOptions& options, const Context& context) {
  constexpr Index kExperts = 4;
  Matrix in(kExperts, options.d_model), out(kExperts, options.d_model);
  std::vector<Index> begin(static_cast<std::size_t>(options.num_experts) + 1, kExperts);
  for (Index e = 0; e < kExperts; ++e) {
    begin[static_cast<std::size_t>(e)] = e;
    fill_normal({.seed = 5}, static_cast<std::uint64_t>(e), 1.0F, in.row(e));
  }
  const std::unique_ptr<ExecutorScratch> scratch = side.choice.executor->make_scratch();
  const ExpertRows rows{
      .bank = side.bank, .expert_begin = begin, .in = {.from = in.view()}, .out = out.view()};
  side.choice.executor->gather(rows, *scratch, context);
  side.choice.executor->run(rows, *scratch, context);
  std::vector<double> exact;
  for (Index e = 0; e < kExperts; ++e) {
    const std::vector<double> row =
        reference::expert_row(make_ffn_weights(options, e), options.activation, in.row(e));
    exact.insert(exact.end(), row.begin(), row.end());
  }
  return reference::relative_distance({out.data(), exact.size()}, exact);
}

// The dot product of the pair over the multiply-add of float32, both from registers; 1: it is a multiply-add.
double machine_ratio(const Pair& pair) {
  if (std::string(pair.activations) == "float32") {
    return 1;
  }
  const WeightType type = std::string(pair.weights) == "int8" ? WeightType::int8 : WeightType::bf16;
  return dot_speed(*usable_dots(type, InstructionSet::automatic).front());
}

}  // namespace

int main(int argc, char** argv) {
  const tbb::global_control workers(tbb::global_control::max_allowed_parallelism, 16);
  const int rounds = rounds_argument(
      argc, argv, 7, "moesim_weight_types [ROUNDS, at least 3] [small|olmoe|qwen3-30b|mixtral]");
  const std::string wanted = argc > 2 ? argv[2] : "olmoe";
  const Context context({.threads = 2});
  const auto found =
      std::find_if(shapes().begin(), shapes().end(), [&](const Shape& s) { return s.name == wanted; });
  if (found == shapes().end()) {
    fmt::print("no shape '{}': small, olmoe, qwen3-30b or mixtral\n", wanted);
    return 64;
  }
  const Shape& shape = *found;
  const BankOptions options{.num_experts = shape.experts, .d_model = shape.d_model, .width = shape.d_ff};
  std::vector<Side> sides;
  for (const Pair& pair : kPairs) {
    Binder binder;
    const Node section = scalar_section({{"weights", pair.weights}, {"activations", pair.activations}});
    Side& side = sides.emplace_back();
    side.pair = pair;
    side.choice = make_executor(binder, &section);
    side.bank = make_bank(options, *side.choice.executor, context);
  }
  for (Side& side : sides) {
    for (auto& [work, tokens] : {std::pair{&side.prefill, shape.tokens.front()}, {&side.decode, Index{1}}}) {
      *work = std::make_unique<Work>(
          *side.choice.executor, side.bank,
          make_plan({.assignments = uniform_routing(shape, tokens), .top_k = shape.top_k}));
    }
  }
  for (int round = 0; round <= rounds; ++round) {
    double prefill = 0, decode = 0;
    for (Side& side : sides) {
      const double p = side.prefill->run(context);
      const double d = side.decode->run(context);
      if (&side == &sides.front()) {
        prefill = p;
        decode = d;
      }
      if (round > 0) {
        side.prefill_ratio.push_back(prefill / p);
        side.decode_ratio.push_back(decode / d);
      }
    }
  }
  const auto text = [](const std::vector<double>& samples) {
    const Interval i = median_interval(samples);
    return fmt::format("{:5.2f} [{:.2f} .. {:.2f}]", i.median, i.low, i.high);
  };
  fmt::print("{}: tokens/s over float32's, 2 threads, {} rounds\n{:32} {:>9}  {:20} {:20} {}\n", shape.name,
             rounds, "layout", "error", fmt::format("prefill, T={}", shape.tokens.front()), "decode, T=1",
             "machine's own ratio, share reached");
  for (Side& side : sides) {
    const double machine = machine_ratio(side.pair);
    fmt::print("{:32} {:9.1e}  {:20} {:20} {:.2f} {:.2f}\n", side.choice.executor->layout(),
               error_of(side, options, context), text(side.prefill_ratio), text(side.decode_ratio), machine,
               median_interval(side.prefill_ratio).median / machine);
    std::fflush(stdout);
  }
  return 0;
}
