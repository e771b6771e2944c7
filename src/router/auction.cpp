#include "router/auction.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "router/rows.h"

namespace moesim {
namespace {

constexpr double kEpsilonsInRange = 50.0;
constexpr double kLeastEpsilon = 1e-4;
constexpr int kOptimalRounds = 100;
constexpr std::int32_t kNobody = -1;

class Auction {
 public:
  Auction(MatrixView affinities, const Context& context)
      : context_(context),
        share_(static_cast<std::size_t>(affinities.rows / affinities.cols)),
        by_expert_(affinities.cols, affinities.rows),
        price_(static_cast<std::size_t>(affinities.rows), 0.0),
        holder_(price_.size(), kNobody),
        wanted_(price_.size()),
        bid_(price_.size()) {
    const std::span<const float> all(affinities.data,
                                     price_.size() * static_cast<std::size_t>(affinities.cols));
    const auto [low, high] = std::minmax_element(all.begin(), all.end());
    lowest_ = *low;
    highest_ = static_cast<double>(*high) - lowest_;
    epsilon_ = std::max(highest_ / kEpsilonsInRange, kLeastEpsilon);
    for_each_row_block(context, affinities.rows, [&](Index first, Index last) {
      for (Index t = first; t < last; ++t) {
        for (Index e = 0; e < affinities.cols; ++e) {
          by_expert_.row(e)[static_cast<std::size_t>(t)] = affinities.row(t)[static_cast<std::size_t>(e)];
        }
      }
    });
  }

  std::vector<std::int32_t> run() {
    for (round_ = 0;; ++round_) {
      context_.for_each_block(by_expert_.rows(), [&](Index e) { make_bids(e); });
      if (sell()) {
        return experts_that_bid();
      }
    }
  }

 private:
  std::span<std::int32_t> wanted_by(Index e) {
    return {wanted_.data() + static_cast<std::size_t>(e) * share_, share_};
  }
  std::span<double> bids_of(Index e) { return {bid_.data() + static_cast<std::size_t>(e) * share_, share_}; }

  // As of the end of the last round: until round 100 what is held counts as much as anything can.
  double value(Index e, std::size_t t) const {
    const double affinity = static_cast<double>(by_expert_.row(e)[t]) - lowest_;
    if (holder_[t] != e) {
      return affinity - price_[t];
    }
    return round_ <= kOptimalRounds ? highest_ : affinity;
  }

  void make_bids(Index e) {
    std::vector<double> values(price_.size());
    for (std::size_t t = 0; t < values.size(); ++t) {
      values[t] = value(e, t);
    }
    std::vector<std::int32_t> order(values.size());
    std::iota(order.begin(), order.end(), 0);
    const auto next = order.begin() + static_cast<std::ptrdiff_t>(share_);
    std::nth_element(order.begin(), next, order.end(), [&](std::int32_t a, std::int32_t b) {
      const auto i = static_cast<std::size_t>(a);
      const auto j = static_cast<std::size_t>(b);
      if (values[i] != values[j]) {
        return values[i] > values[j];
      }
      const bool holds_i = holder_[i] == e;
      const bool holds_j = holder_[j] == e;
      return holds_i == holds_j ? a < b : holds_i;
    });
    const double next_value = values[static_cast<std::size_t>(*next)];
    const bool keeps_cheaply = round_ > 0 && round_ < kOptimalRounds;
    for (std::size_t i = 0; i < share_; ++i) {
      const auto t = static_cast<std::size_t>(order[i]);
      wanted_by(e)[i] = order[i];
      bids_of(e)[i] = keeps_cheaply && holder_[t] == e ? epsilon_ : values[t] - next_value + epsilon_;
    }
  }

  // Every token to its highest bidder. True when every token is bid for: then each is bid for once.
  bool sell() {
    std::vector<double> highest_bid(price_.size(), 0.0);
    std::fill(holder_.begin(), holder_.end(), kNobody);
    for (Index e = 0; e < by_expert_.rows(); ++e) {
      for (std::size_t i = 0; i < share_; ++i) {
        const auto t = static_cast<std::size_t>(wanted_by(e)[i]);
        if (bids_of(e)[i] > highest_bid[t]) {
          highest_bid[t] = bids_of(e)[i];
          holder_[t] = static_cast<std::int32_t>(e);
        }
      }
    }
    for (std::size_t t = 0; t < price_.size(); ++t) {
      price_[t] += highest_bid[t];
    }
    return std::find(holder_.begin(), holder_.end(), kNobody) == holder_.end();
  }

  std::vector<std::int32_t> experts_that_bid() {
    std::vector<std::int32_t> expert(price_.size(), kNobody);
    for (Index e = 0; e < by_expert_.rows(); ++e) {
      for (const std::int32_t t : wanted_by(e)) {
        expert[static_cast<std::size_t>(t)] = static_cast<std::int32_t>(e);
      }
    }
    return expert;
  }

  const Context& context_;
  std::size_t share_;  // tokens an expert gets
  Matrix by_expert_;   // [E,T] affinities
  double lowest_ = 0.0;
  double highest_ = 0.0;  // less the lowest
  double epsilon_ = 0.0;
  std::vector<double> price_;         // [T]
  std::vector<std::int32_t> holder_;  // [T]
  std::vector<std::int32_t> wanted_;  // [E,T/E] the tokens each expert bids for
  std::vector<double> bid_;           // [E,T/E] and how much
  int round_ = 0;
};

}  // namespace

std::vector<std::int32_t> assign_evenly(MatrixView affinities, const Context& context) {
  if (affinities.rows == 0 || affinities.cols == 1) {
    return std::vector<std::int32_t>(static_cast<std::size_t>(affinities.rows), 0);
  }
  MOESIM_CHECK(affinities.cols > 0 && affinities.rows % affinities.cols == 0,
               "tokens that do not divide among the experts");
  return Auction(affinities, context).run();
}

}  // namespace moesim
