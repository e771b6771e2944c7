#include "bench/support.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "core/stopwatch.h"
#include "experts/combine.h"

namespace moesim::bench {

int rounds_argument(int argc, char** argv, int usual, const char* usage) {
  if (argc < 2) {
    return usual;
  }
  const std::string_view word = argv[1];
  const bool help = word == "-h" || word == "--help";
  int rounds = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), rounds);
  if (help || error != std::errc() || end != word.data() + word.size() || rounds < 3) {
    fmt::print(help ? stdout : stderr, "usage: {}\n", usage);
    std::exit(help ? 0 : 64);
  }
  return rounds;
}

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {{"small", 8, 2, 1024, 2048, {1024, 128, 16, 1}},
                                         {"olmoe", 64, 8, 2048, 1024, {2048, 256, 16, 1}},
                                         {"qwen3-30b", 128, 8, 2048, 768, {2048, 256, 16}},
                                         {"mixtral", 8, 2, 4096, 14336, {512, 32, 1}}};
  return all;
}

namespace {

// `draw(pool, k, random)` says which of pool[k …] is next.
template <class Draw>
Assignments make_routing(const Shape& shape, Index tokens, std::uint64_t seed, const Draw& draw) {
  Assignments a;
  a.num_experts = shape.experts;
  a.begin.push_back(0);
  std::vector<std::int32_t> pool(static_cast<std::size_t>(shape.experts));
  for (Index t = 0; t < tokens; ++t) {
    RandomSequence random({.seed = seed}, static_cast<std::uint64_t>(t));
    for (std::size_t e = 0; e < pool.size(); ++e) {
      pool[e] = static_cast<std::int32_t>(e);
    }
    for (std::size_t k = 0; k < static_cast<std::size_t>(shape.top_k); ++k) {
      std::swap(pool[k], pool[draw(pool, k, random)]);
      a.expert.push_back(pool[k]);
      a.weight.push_back(1.0F / static_cast<float>(shape.top_k));
      a.score.push_back(0.5F);
    }
    a.begin.push_back(static_cast<Index>(a.expert.size()));
  }
  return a;
}

}  // namespace

Assignments uniform_routing(const Shape& shape, Index tokens, std::uint64_t seed) {
  return make_routing(shape, tokens, seed,
                      [](const std::vector<std::int32_t>& pool, std::size_t k, RandomSequence& random) {
                        return k + random.next_below(static_cast<std::uint32_t>(pool.size() - k));
                      });
}

Assignments zipf_routing(const Shape& shape, Index tokens, std::uint64_t seed, double exponent) {
  const auto weight = [exponent](std::int32_t expert) { return std::pow(1.0 + expert, -exponent); };
  return make_routing(
      shape, tokens, seed,
      [&weight](const std::vector<std::int32_t>& pool, std::size_t k, RandomSequence& random) {
        double left = 0;
        for (std::size_t i = k; i < pool.size(); ++i) {
          left += weight(pool[i]);
        }
        left *= random.next_uniform();
        for (std::size_t i = k; i + 1 < pool.size(); ++i) {
          left -= weight(pool[i]);
          if (left < 0) {
            return i;
          }
        }
        return pool.size() - 1;
      });
}

Work::Work(const Executor& e, const ExpertBank& b, DispatchPlan p)
    : executor(e),
      bank(b),
      plan(std::move(p)),
      x(plan.num_tokens(), b.ffn.d_model),
      rows(plan.num_rows(), b.ffn.d_model),
      y(plan.num_tokens(), b.ffn.d_model),
      scratch(e.make_scratch()) {
  for (Index t = 0; t < x.rows(); ++t) {
    fill_normal({.seed = 3}, static_cast<std::uint64_t>(t), 1.0F, x.row(t));
  }
}

double Work::run(const Context& context) {
  const ExpertRows r{.bank = bank,
                     .expert_begin = plan.expert_begin,
                     .in = {.from = x.view(), .token = plan.row_token},
                     .out_weight = plan.row_weight,
                     .out = rows.view()};
  const Stopwatch watch;
  executor.gather(r, *scratch, context);
  executor.run(r, *scratch, context);
  combine(plan, rows.view(), {}, y.view(), context);
  return watch.seconds();
}

double Work::flops() const {
  return static_cast<double>(plan.num_rows()) *
         static_cast<double>(ffn_flops_per_row(bank.ffn.d_model, bank.ffn.width, bank.ffn.activation));
}

double Work::bytes() const {
  double distinct = 0;
  for (std::size_t e = 0; e + 1 < plan.expert_begin.size(); ++e) {
    distinct += plan.expert_begin[e + 1] > plan.expert_begin[e] ? 1 : 0;
  }
  return distinct * static_cast<double>(bank.weight_bytes()) / static_cast<double>(bank.num_experts());
}

std::span<const float> weights_of(const ExpertBank& bank) {
  return {bank.weights.data(), static_cast<std::size_t>(bank.weights.rows() * bank.weights.cols())};
}

}  // namespace moesim::bench
