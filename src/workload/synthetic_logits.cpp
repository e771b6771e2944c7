// Logits without vectors or a gate: how popular an expert is, plus Gumbel noise for each token.
//
//   z_ge = −zipf·ln(1 + e) − ln(−ln u_ge),   u uniform in (0, 1)
//
// The highest z is expert e's with probability p_e = (1 + e)^−zipf / Σ, and the k highest, best first, are k
// draws without replacement with chances in proportion to p (Gumbel 1954; Yellott 1977; Kool et al. 2019,
// arXiv:1903.06059, section 2). So loads are known before the run, whatever k is.
//
// Tokens are independent. Token number g is number g mod 256 of a sequence that belongs to block g / 256: 16
// generators xoshiro128+ side by side (Blackman and Vigna 2021, arXiv:1805.01407), each seeded by Philox from
// (seed, block, lane); expert e is drawn by generator e mod 16. u is a multiple of 2^−24 (0 counts as
// 2^−158): noise lies in [−4.7, 16.7]. Logarithms are straight between the entries of a table
// (kernels/body.inl): noise is right to 5e-4, and the same bits everywhere.

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "core/random.h"
#include "workload/kernels/choose.h"
#include "workload/stream.h"

namespace moesim {
namespace {

constexpr std::size_t kGenerators = NoiseState::kGenerators;
constexpr std::uint64_t kBlockTokens = 256;

struct LogitsParams : StreamParams {
  double zipf = 1.0;
};
void describe(Fields<LogitsParams>& f) {
  describe_stream(f);
  f.add("zipf", &LogitsParams::zipf)
      .range(0.0, 100.0)
      .doc("exponent of the experts' popularity, expert 0 the most popular; 0: all alike");
}

NoiseState seeded(std::uint64_t seed, std::uint64_t block) {
  NoiseState state;
  for (std::size_t lane = 0; lane < kGenerators; ++lane) {
    const std::array<std::uint32_t, 4> bits = random_bits({.seed = seed, .stream = Stream::synthetic_logits},
                                                          block, static_cast<std::uint32_t>(lane));
    for (std::size_t w = 0; w < 4; ++w) {
      state.word[w][lane] = w == 0 ? bits[w] | 1U : bits[w];  // never all zero
    }
  }
  return state;
}

class SyntheticLogits final : public Workload {
 public:
  SyntheticLogits(const LogitsParams& params, const WorkloadEnvironment& environment)
      : Workload(params.tokens, params.steps),
        zipf_(params.zipf),
        seed_(environment.seed),
        num_experts_(std::max<Index>(0, environment.num_experts)) {}  // 0: refused elsewhere

  Index num_logits() const override { return num_experts_; }

  TokenBatch slice(const Context& context, std::uint64_t first, Index count) const override {
    TokenBatch batch;
    slice_into(context, first, count, batch);
    return batch;
  }

  void slice_into(const Context& context, std::uint64_t first, Index count,
                  TokenBatch& batch) const override {
    const auto size = static_cast<std::size_t>(count);
    batch.first_token = first;
    batch.hidden.resize(count, 0);
    batch.logits.resize(count, num_experts_);
    batch.token_id.assign(size, 0);
    batch.sequence_id.assign(size, 0);
    batch.position.resize(size);
    if (count == 0) {
      return;
    }
    const std::vector<float> popularity = make_popularity();
    const std::uint64_t last = first + static_cast<std::uint64_t>(count);
    const std::uint64_t first_block = first / kBlockTokens;
    context.for_each_block(static_cast<Index>((last - 1) / kBlockTokens - first_block + 1), [&](Index i) {
      fill_block(first_block + static_cast<std::uint64_t>(i), last, popularity, batch);
    });
  }

  std::string token_text(std::uint64_t g) const override { return "token " + std::to_string(g); }
  std::uint64_t memory_bytes(Index batch_tokens, Index /*d_model*/) const override {
    return batch_bytes(batch_tokens + 1, num_experts_);  // and the popularity
  }

 private:
  // At each step, so that no memory is asked for before it was checked. Filled up to whole rounds of the
  // generators; the kernels' noise is −ln(−log2 u), which this makes −ln(−ln u).
  std::vector<float> make_popularity() const {
    const auto experts = static_cast<std::size_t>(num_experts_);
    std::vector<float> popularity((experts + kGenerators - 1) / kGenerators * kGenerators);
    for (std::size_t e = 0; e < experts; ++e) {
      popularity[e] =
          static_cast<float>(-zipf_ * std::log(static_cast<double>(e + 1)) - std::log(std::log(2.0)));
    }
    return popularity;
  }

  // Those tokens of the block that are in the batch, which ends before token `last`.
  void fill_block(std::uint64_t block, std::uint64_t last, const std::vector<float>& popularity,
                  TokenBatch& batch) const {
    const std::uint64_t begin = block * kBlockTokens;
    const std::uint64_t first = std::max(begin, batch.first_token);
    const std::uint64_t end = std::min(last, begin + kBlockTokens);
    const auto row = static_cast<Index>(first - batch.first_token);
    NoiseState state = seeded(seed_, block);
    noise_kernels().draw(state, popularity.data(), num_experts_, static_cast<Index>(first - begin),
                         static_cast<Index>(end - first), batch.logits.row(row).data());
    std::iota(batch.position.begin() + row, batch.position.begin() + row + static_cast<Index>(end - first),
              first);
  }

  double zipf_;
  std::uint64_t seed_;
  Index num_experts_;
};

}  // namespace

WorkloadEntry workload_synthetic_logits() {
  return {"synthetic_logits", "logits alone, experts of Zipf popularity, for routing long streams",
          "Gumbel noise: the k highest are draws without replacement (Kool et al. 2019, arXiv:1903.06059)",
          [] { return fields_of<LogitsParams>().infos(); },
          [](Binder& binder, const Node& section,
             const WorkloadEnvironment& environment) -> std::unique_ptr<Workload> {
            const auto params = bind_workload_section<LogitsParams>(binder, section);
            return params ? std::make_unique<SyntheticLogits>(*params, environment) : nullptr;
          }};
}

}  // namespace moesim
