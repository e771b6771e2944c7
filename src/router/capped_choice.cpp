#include "router/capped_choice.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/checked.h"

namespace moesim {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNegligible = -60.0;  // exp of this, beside 1, is nothing in a double

class CappedSolver {
 public:
  CappedSolver(const Matrix& scores, const CappedChoice& choice, const Context& context)
      : choice_(choice),
        context_(context),
        of_expert_(static_cast<std::size_t>(scores.rows()), -kInfinity),
        of_token_(static_cast<std::size_t>(scores.cols()), 0.0),
        scaled_(checked_mul(of_expert_.size(), of_token_.size(), "the scaled scores")) {
    std::transform(scores.data(), scores.data() + scaled_.size(), scaled_.begin(),
                   [&](float score) { return static_cast<double>(score) / choice.lambda; });
    for (Index sweep = 0; sweep < choice.sweeps; ++sweep) {
      make_sweep();
    }
  }

  // ln A + constant of the expert, and of the token: what they prefer by.
  double for_expert(std::size_t e, std::size_t t) const { return scaled(e, t) + of_token_[t]; }
  double for_token(std::size_t e, std::size_t t) const { return scaled(e, t) + of_expert_[e]; }

 private:
  double scaled(std::size_t e, std::size_t t) const { return scaled_[e * of_token_.size() + t]; }

  void make_sweep() {
    const std::vector<double> last = of_expert_;
    context_.for_each_block(static_cast<Index>(last.size()), [&](Index block) {
      const auto e = static_cast<std::size_t>(block);
      const double bound = -last[e];
      const auto value = [&](std::size_t t) { return std::min(scaled(e, t) + of_token_[t], bound); };
      double highest = -kInfinity;
      for (std::size_t t = 0; t < of_token_.size(); ++t) {
        highest = std::max(highest, value(t));
      }
      double sum = 0;
      for (std::size_t t = 0; t < of_token_.size(); ++t) {
        const double below = value(t) - highest;
        sum += below > kNegligible ? std::exp(below) : 0.0;
      }
      of_expert_[e] = std::log(static_cast<double>(choice_.per_expert)) - highest - std::log(sum);
    });
    for_each_row_block(context_, static_cast<Index>(of_token_.size()),
                       [&](Index first, Index end) { sweep_tokens(last, first, end); });
  }

  void sweep_tokens(const std::vector<double>& last, Index first, Index end) {
    const auto count = static_cast<std::size_t>(end - first);
    const auto value = [&](std::size_t e, std::size_t i) {
      const std::size_t t = static_cast<std::size_t>(first) + i;
      return of_expert_[e] + std::min(scaled(e, t), -(last[e] + of_token_[t]));
    };
    std::vector<double> highest(count, -kInfinity);
    std::vector<double> sum(count, 0.0);
    for (std::size_t e = 0; e < last.size(); ++e) {
      for (std::size_t i = 0; i < count; ++i) {
        highest[i] = std::max(highest[i], value(e, i));
      }
    }
    for (std::size_t e = 0; e < last.size(); ++e) {
      for (std::size_t i = 0; i < count; ++i) {
        const double below = value(e, i) - highest[i];
        sum[i] += below > kNegligible ? std::exp(below) : 0.0;
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      of_token_[static_cast<std::size_t>(first) + i] =
          std::min(0.0, std::log(static_cast<double>(choice_.per_token)) - highest[i] - std::log(sum[i]));
    }
  }

  const CappedChoice& choice_;
  const Context& context_;
  std::vector<double> of_expert_;  // [E] a
  std::vector<double> of_token_;   // [T] b
  std::vector<double> scaled_;     // [E,T] s
};

// The choice, and the mending of what breaks the cap.
class Picks {
 public:
  Picks(const CappedSolver& solver, Index num_experts, Index num_tokens)
      : solver_(solver),
        of_expert_(static_cast<std::size_t>(num_experts)),
        of_token_(static_cast<std::size_t>(num_tokens)) {}

  void take_largest(Index count, const Context& context) {
    context.for_each_block(static_cast<Index>(of_expert_.size()), [&](Index e) {
      std::vector<std::int32_t> order = ordered(e, static_cast<std::size_t>(count));
      order.resize(static_cast<std::size_t>(count));
      of_expert_[static_cast<std::size_t>(e)] = std::move(order);
    });
    for (std::size_t e = 0; e < of_expert_.size(); ++e) {
      for (const std::int32_t t : of_expert_[e]) {
        of_token_[static_cast<std::size_t>(t)].push_back(static_cast<std::int32_t>(e));
      }
    }
  }

  void keep_largest_of_tokens(Index most) {
    for (std::size_t t = 0; t < of_token_.size(); ++t) {
      std::vector<std::int32_t>& experts = of_token_[t];
      if (experts.size() <= static_cast<std::size_t>(most)) {
        continue;
      }
      std::stable_sort(experts.begin(), experts.end(), [&](std::int32_t a, std::int32_t b) {
        return solver_.for_token(static_cast<std::size_t>(a), t) >
               solver_.for_token(static_cast<std::size_t>(b), t);
      });
      for (std::size_t i = static_cast<std::size_t>(most); i < experts.size(); ++i) {
        std::vector<std::int32_t>& tokens = of_expert_[static_cast<std::size_t>(experts[i])];
        tokens.erase(std::find(tokens.begin(), tokens.end(), static_cast<std::int32_t>(t)));
      }
      experts.resize(static_cast<std::size_t>(most));
    }
  }

  void fill_up(Index count, Index most) {
    for (std::size_t e = 0; e < of_expert_.size(); ++e) {
      const auto missing = [&] { return of_expert_[e].size() < static_cast<std::size_t>(count); };
      if (!missing()) {
        continue;
      }
      const std::vector<std::int32_t> order = ordered(static_cast<Index>(e), of_token_.size());
      for (std::size_t i = 0; i < order.size() && missing(); ++i) {
        if (has_room(order[i], most) && !takes(e, order[i])) {
          add(e, order[i]);
        }
      }
      while (missing() && exchange(e, order, most)) {
      }
    }
  }

  TakenTokens taken() const {
    TakenTokens all;
    all.begin = {0};
    for (const std::vector<std::int32_t>& tokens : of_expert_) {
      all.token.insert(all.token.end(), tokens.begin(), tokens.end());
      all.begin.push_back(static_cast<Index>(all.token.size()));
    }
    return all;
  }

 private:
  bool has_room(std::int32_t t, Index most) const {
    return of_token_[static_cast<std::size_t>(t)].size() < static_cast<std::size_t>(most);
  }
  bool takes(std::size_t e, std::int32_t t) const {
    const std::vector<std::int32_t>& experts = of_token_[static_cast<std::size_t>(t)];
    return std::find(experts.begin(), experts.end(), static_cast<std::int32_t>(e)) != experts.end();
  }
  void add(std::size_t e, std::int32_t t) {
    of_expert_[e].push_back(t);
    of_token_[static_cast<std::size_t>(t)].push_back(static_cast<std::int32_t>(e));
  }
  void remove(std::size_t e, std::int32_t t) {
    std::vector<std::int32_t>& tokens = of_expert_[e];
    std::vector<std::int32_t>& experts = of_token_[static_cast<std::size_t>(t)];
    tokens.erase(std::find(tokens.begin(), tokens.end(), t));
    experts.erase(std::find(experts.begin(), experts.end(), static_cast<std::int32_t>(e)));
  }

  // Expert e has all tokens with room already: the best of them goes to another expert as well, which leaves
  // e the best token that e lacks. That token is full, so more experts have it than have the one with room,
  // and one of them lacks that. False when no token has room.
  bool exchange(std::size_t e, const std::vector<std::int32_t>& order, Index most) {
    const auto found =
        std::find_if(order.begin(), order.end(), [&](std::int32_t t) { return has_room(t, most); });
    if (found == order.end()) {
      return false;
    }
    const std::int32_t free = *found;
    const std::int32_t wanted =
        *std::find_if(order.begin(), order.end(), [&](std::int32_t t) { return !takes(e, t); });
    const std::vector<std::int32_t>& holders = of_token_[static_cast<std::size_t>(wanted)];
    std::int32_t giver = -1;
    for (const std::int32_t f : holders) {
      const auto value = [&](std::int32_t expert) {
        return solver_.for_token(static_cast<std::size_t>(expert), static_cast<std::size_t>(wanted));
      };
      if (!takes(static_cast<std::size_t>(f), free) &&
          (giver < 0 || value(f) < value(giver) || (value(f) == value(giver) && f > giver))) {
        giver = f;
      }
    }
    remove(static_cast<std::size_t>(giver), wanted);
    add(static_cast<std::size_t>(giver), free);
    add(e, wanted);
    return true;
  }

  // All tokens, of which the first `count` are in the expert's order.
  std::vector<std::int32_t> ordered(Index e, std::size_t count) const {
    std::vector<double> value(of_token_.size());
    for (std::size_t t = 0; t < value.size(); ++t) {
      value[t] = solver_.for_expert(static_cast<std::size_t>(e), t);
    }
    std::vector<std::int32_t> order(value.size());
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                      [&](std::int32_t a, std::int32_t b) {
                        const double x = value[static_cast<std::size_t>(a)];
                        const double y = value[static_cast<std::size_t>(b)];
                        return x > y || (x == y && a < b);
                      });
    return order;
  }

  const CappedSolver& solver_;
  std::vector<std::vector<std::int32_t>> of_expert_;  // [E] tokens
  std::vector<std::vector<std::int32_t>> of_token_;   // [T] experts
};

}  // namespace

TakenTokens take_best_capped(const Matrix& scores, const CappedChoice& choice, const Context& context) {
  if (scores.cols() == 0) {
    return take_best(scores, 0, context);
  }
  checked_mul(static_cast<std::uint64_t>(scores.rows()), static_cast<std::uint64_t>(choice.per_expert),
              "the routing");
  const CappedSolver solver(scores, choice, context);
  Picks picks(solver, scores.rows(), scores.cols());
  picks.take_largest(choice.per_expert, context);
  picks.keep_largest_of_tokens(choice.per_token);
  picks.fill_up(choice.per_expert, choice.per_token);
  return picks.taken();
}

}  // namespace moesim
