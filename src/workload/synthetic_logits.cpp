// Logits without vectors or a gate: how popular an expert is, plus Gumbel noise for each token.
//
//   z_ge = −zipf·ln(1 + e) − ln(−ln u_ge),   u uniform in (0, 1)
//
// The highest z is expert e's with probability p_e = (1 + e)^−zipf / Σ, and the k highest, best first, are k
// draws without replacement with chances in proportion to p (Gumbel 1954; Yellott 1977; Kool et al. 2019,
// arXiv:1903.06059, section 2). So loads are known before the run, whatever k is.
//
// Tokens are independent. Token number g is number g mod 256 of a sequence that belongs to block g / 256: 64
// generators xoshiro128++ side by side (Blackman and Vigna 2021, arXiv:1805.01407), each seeded by Philox
// from (seed, block, lane). u is a multiple of 2^−23, less a half: noise lies in [−2.8, 16.7]. Logarithms are
// a series, right to 1e-6, of plain operations: the same bits everywhere.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "workload/stream.h"

namespace moesim {
namespace {

constexpr std::size_t kGenerators = 64;
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

// ln x of a normal number above 0: x = 2^e·m, m in [√½, √2), ln m = 2·artanh s, s = (m − 1) / (m + 1).
float log_of(float x) {
  constexpr std::int32_t kHalfRoot = 0x3f3504f3;  // the bits of √½
  const std::int32_t above = std::bit_cast<std::int32_t>(x) - kHalfRoot;
  const float m = std::bit_cast<float>((above & 0x7fffff) + kHalfRoot);
  const float s = (m - 1.0F) / (m + 1.0F);
  const float q = s * s;
  return static_cast<float>(above >> 23) * 0.693147181F +
         2.0F * s * (1.0F + q * (1.0F / 3 + q * (1.0F / 5 + q * (1.0F / 7))));
}

// The generators of a block. Everything is a loop over them, which compilers turn into vectors.
class NoiseBlock {
 public:
  NoiseBlock(std::uint64_t seed, std::uint64_t block) {
    for (std::size_t lane = 0; lane < kGenerators; ++lane) {
      const std::array<std::uint32_t, 4> bits = random_bits(
          {.seed = seed, .stream = Stream::synthetic_logits}, block, static_cast<std::uint32_t>(lane));
      a_[lane] = bits[0] | 1U;  // never all zero
      b_[lane] = bits[1];
      c_[lane] = bits[2];
      d_[lane] = bits[3];
    }
  }

  // 64 numbers more: popularity + noise.
  void next(const float* popularity, float* logits) {
    for (std::size_t i = 0; i < kGenerators; ++i) {
      const std::uint32_t bits = std::rotl(a_[i] + d_[i], 7) + a_[i];
      const std::uint32_t shifted = b_[i] << 9;
      c_[i] ^= a_[i];
      d_[i] ^= b_[i];
      b_[i] ^= c_[i];
      a_[i] ^= d_[i];
      c_[i] ^= shifted;
      d_[i] = std::rotl(d_[i], 11);
      const float u = (static_cast<float>(static_cast<std::int32_t>(bits >> 9)) + 0.5F) * 0x1p-23F;
      logits[i] = popularity[i] - log_of(-log_of(u));
    }
  }

 private:
  std::array<std::uint32_t, kGenerators> a_, b_, c_, d_;
};

class SyntheticLogits final : public Workload {
 public:
  SyntheticLogits(const LogitsParams& params, const WorkloadEnvironment& environment)
      : Workload(params.tokens, params.steps),
        zipf_(params.zipf),
        seed_(environment.seed),
        num_experts_(environment.num_experts) {
    MOESIM_CHECK(num_experts_ >= 1, "logits of no expert");
  }

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
  std::uint64_t memory_bytes(Index batch_tokens) const override {
    return batch_bytes(batch_tokens + 1, num_experts_);  // and the popularity
  }

 private:
  // At each step, so that no memory is asked for before it was checked. Filled up to whole rounds of the
  // generators.
  std::vector<float> make_popularity() const {
    const auto experts = static_cast<std::size_t>(num_experts_);
    std::vector<float> popularity((experts + kGenerators - 1) / kGenerators * kGenerators);
    for (std::size_t e = 0; e < experts; ++e) {
      popularity[e] = static_cast<float>(-zipf_ * std::log(static_cast<double>(e + 1)));
    }
    return popularity;
  }

  // Those tokens of the block that are in the batch, which ends before token `last`.
  void fill_block(std::uint64_t block, std::uint64_t last, const std::vector<float>& popularity,
                  TokenBatch& batch) const {
    NoiseBlock noise(seed_, block);
    std::array<float, kGenerators> numbers{};
    const std::uint64_t end = std::min(last, (block + 1) * kBlockTokens);
    for (std::uint64_t g = block * kBlockTokens; g < end; ++g) {
      const bool wanted = g >= batch.first_token;
      const auto row = static_cast<Index>(g - batch.first_token);
      for (std::size_t e = 0; e < popularity.size(); e += kGenerators) {
        noise.next(popularity.data() + e, numbers.data());
        if (wanted) {
          const std::span<float> logits = batch.logits.row(row).subspan(e);
          std::copy_n(numbers.begin(), std::min(kGenerators, logits.size()), logits.begin());
        }
      }
      if (wanted) {
        batch.position[static_cast<std::size_t>(row)] = g;
      }
    }
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
