// Quantile balancing: the bias with which the last batch would have been balanced, in one step, without a
// rate.
//
//   v [T,E] selection values, β = −bias the price of an expert
//   α_t = the (K+1)-th largest of v_te − β_e: what an expert must beat to be chosen by token t
//   q_e = the (m+1)-th largest of v_te − α_t over the tokens, m = ⌊K·T/E⌋: m tokens would pay more
//   β = ema·β + (1 − ema)·q, centred
//
// One step of coordinate descent on the dual of the assignment problem (Su 2026, kexue.fm 11619), used from
// the next step on. Megatron-LM: moe/moe_utils.py qb_dual_update (the step, on logits) and
// core/distributed/finalize_model_grads.py _update_router_qb_beta (mean over ranks, ema, centring); it asks
// that E divides K·T, here m is rounded down.
//
//   method: exact          q of all tokens
//   method: histogram      q interpolated in a histogram of α_t − v_te with `bins` bins over [min b − 1,
//                          max b + 1], where all of it lies when scores are in [0, 1]; values beyond fall
//                          into the outermost bins. Counts can be summed over ranks (Kimi-K3,
//                          arXiv:2607.24653, appendix D, secondary source)
//   method: rank_average   q of each of `ranks` equal runs of tokens, averaged: what Megatron-LM does. The
//   mean
//                          of quantiles is not the quantile of the pool
//
// With K = E there is nothing to choose and the bias stays.

#include <algorithm>
#include <functional>
#include <vector>

#include "balance/controller_variants.h"

namespace moesim {
namespace {

enum class Method { exact, histogram, rank_average };
constexpr EnumName<Method> kMethods[] = {
    {Method::exact, "exact"}, {Method::histogram, "histogram"}, {Method::rank_average, "rank_average"}};
std::span<const EnumName<Method>> enum_names(Method) {
  return kMethods;
}

struct QuantileParams {
  Method method = Method::exact;
  std::int64_t bins = 1000;
  std::int64_t ranks = 8;
  double ema = 0.0;
};
void describe(Fields<QuantileParams>& f) {
  using P = QuantileParams;
  f.add("method", &P::method).doc("how the quantile of all tokens is found");
  f.add("bins", &P::bins)
      .range(1, 1000000)
      .only_when([](const P& p) { return p.method == Method::histogram; }, "method is not histogram")
      .doc("bins of the histogram of each expert");
  f.add("ranks", &P::ranks)
      .range(1, 1000000)
      .only_when([](const P& p) { return p.method == Method::rank_average; }, "method is not rank_average")
      .doc("ranks that hold the tokens, in equal runs");
  f.add("ema", &P::ema).range(0.0, 0.999999).doc("share of the old bias that is kept");
}

using Numbers = std::vector<double>;

// α [T]. K < E.
Numbers token_prices(const ControlRecord& record, const Numbers& bias) {
  Numbers prices;
  prices.reserve(static_cast<std::size_t>(record.tokens));
  Numbers row(bias.size());
  const auto kth = static_cast<std::ptrdiff_t>(record.top_k);
  for (Index t = 0; t < record.tokens; ++t) {
    const std::span<const float> values = record.values.row(t);
    for (std::size_t e = 0; e < row.size(); ++e) {
      row[e] = static_cast<double>(values[e]) + bias[e];
    }
    std::nth_element(row.begin(), row.begin() + kth, row.end(), std::greater<>());
    prices.push_back(row[static_cast<std::size_t>(record.top_k)]);
  }
  return prices;
}

// A batch with its prices.
struct Market {
  const ControlRecord& record;
  Numbers prices;  // α [T]
};
struct Tokens {
  Index first = 0;
  Index last = 0;  // excluded
};

// v_te − α_t of one expert.
Numbers surplus(const Market& market, std::size_t expert, Tokens tokens) {
  Numbers column;
  column.reserve(static_cast<std::size_t>(tokens.last - tokens.first));
  for (Index t = tokens.first; t < tokens.last; ++t) {
    column.push_back(static_cast<double>(market.record.values.row(t)[expert]) -
                     market.prices[static_cast<std::size_t>(t)]);
  }
  return column;
}

// The (m+1)-th largest, m = ⌊K·size/E⌋ < size.
double exact_quantile(const Market& market, std::size_t expert, Tokens tokens) {
  Numbers column = surplus(market, expert, tokens);
  const std::size_t m =
      static_cast<std::size_t>(market.record.top_k) * column.size() / market.record.loads.size();
  std::nth_element(column.begin(), column.begin() + static_cast<std::ptrdiff_t>(m), column.end(),
                   std::greater<>());
  return column[m];
}

// Ranks without a token have no say.
double mean_over_ranks(const Market& market, std::size_t expert, Index ranks) {
  const Index all = market.record.tokens;
  double sum = 0;
  double with_tokens = 0;
  for (Index rank = 0; rank < ranks; ++rank) {
    const Tokens tokens{rank * all / ranks, (rank + 1) * all / ranks};
    if (tokens.first < tokens.last) {
      sum += exact_quantile(market, expert, tokens);
      with_tokens += 1;
    }
  }
  return sum / with_tokens;
}

struct Histogram {
  double low = 0;
  double width = 0;  // of a bin
  std::size_t bins = 0;
};

// The K/E quantile of α_t − v_te, from counts alone; returned as its negative, like the others.
double histogram_quantile(const Market& market, std::size_t expert, const Histogram& histogram) {
  std::vector<std::uint64_t> counts(histogram.bins);
  for (const double value : surplus(market, expert, {0, market.record.tokens})) {
    const double place = (-value - histogram.low) / histogram.width;
    ++counts[static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(histogram.bins - 1)))];
  }
  const double wanted = static_cast<double>(market.record.top_k * market.record.tokens) /
                        static_cast<double>(market.record.loads.size());
  double below = 0;
  double place = static_cast<double>(histogram.bins);
  for (std::size_t i = 0; i < histogram.bins; ++i) {
    const auto count = static_cast<double>(counts[i]);
    if (count > 0 && below + count >= wanted) {
      place = static_cast<double>(i) + (wanted - below) / count;
      break;
    }
    below += count;
  }
  return -(histogram.low + histogram.width * place);
}

class QuantileBalancing final : public Controller {
 public:
  explicit QuantileBalancing(const QuantileParams& params) : params_(params) {}
  ControllerTraits traits() const override {
    return {.needs_values = true, .rests_at_balance = false, .centred = true, .whole_rows = true};
  }

 private:
  void update(const ControlRecord& record, ControllerState& state) const override {
    if (record.top_k >= static_cast<Index>(state.bias.size())) {
      return;
    }
    const Numbers quantiles = quantiles_of(record, state.bias);
    for (std::size_t e = 0; e < quantiles.size(); ++e) {
      state.bias[e] = params_.ema * state.bias[e] - (1.0 - params_.ema) * quantiles[e];
    }
    centre(state.bias);
  }

  Numbers quantiles_of(const ControlRecord& record, const Numbers& bias) const {
    const Market market{record, token_prices(record, bias)};
    const auto [lowest, highest] = std::minmax_element(bias.begin(), bias.end());
    const double low = *lowest - 1.0;
    const double high = *highest + 1.0;
    const Histogram histogram{.low = low,
                              .width = (high - low) / static_cast<double>(params_.bins),
                              .bins = static_cast<std::size_t>(params_.bins)};
    Numbers quantiles;
    for (std::size_t e = 0; e < bias.size(); ++e) {
      switch (params_.method) {
        case Method::exact:
          quantiles.push_back(exact_quantile(market, e, {0, record.tokens}));
          break;
        case Method::histogram:
          quantiles.push_back(histogram_quantile(market, e, histogram));
          break;
        case Method::rank_average:
          quantiles.push_back(mean_over_ranks(market, e, params_.ranks));
          break;
      }
    }
    return quantiles;
  }

  QuantileParams params_;
};

}  // namespace

ControllerEntry controller_quantile_balancing() {
  return {.name = "quantile_balancing",
          .summary = "the bias that would have balanced the last batch",
          .origin =
              "Su 2026, kexue.fm 11619; Megatron-LM megatron/core/transformer/moe/moe_utils.py "
              "qb_dual_update and megatron/core/distributed/finalize_model_grads.py; histogram: "
              "Kimi-K3, arXiv:2607.24653 (secondary source)",
          .source_kind = "paper and code",
          .unit = "none: as the values; logits in Megatron-LM, sigmoid scores in Kimi-K3",
          .fields = [] { return fields_of<QuantileParams>().infos(); },
          .make = make_plain_controller<QuantileParams, QuantileBalancing>};
}

}  // namespace moesim
