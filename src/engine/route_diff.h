#pragma once
// Where two routers differ on the same numbers: how many tokens, at which stage first, and the worked numbers
// of the first token.

#include <optional>
#include <string>
#include <vector>

#include "engine/route.h"

namespace moesim {

// One token of one router, from logits to what is kept.
struct TokenTrace {
  std::vector<StageValues> stages;   // of routers that have any, in order
  std::vector<std::int32_t> expert;  // in selection order
  std::vector<float> weight;         // after drops: 0 where dropped
  std::vector<bool> kept;
};

struct RouteDiff {
  Index num_tokens = 0;
  Index same_experts = 0;      // tokens with the same set of kept experts
  Index same = 0;              // of those, with the same weights too (relative difference at most 1e-5)
  std::optional<Index> token;  // the first that differs
  std::string stage;  // where its two ways part: a stage's name, "selection", "weights" or "capacity"
  TokenTrace a, b;    // of that token
};

// Both must be hard routers over the same tokens; throws Error(usage) for soft routing.
struct RoutedSide {
  const Policy& policy;
  const RouteNumbers& numbers;
  const RouteResult& result;
};
RouteDiff diff_routes(const RoutedSide& a, const RoutedSide& b, const Context& context);

// One stage of all tokens.
struct StageDiff {
  std::string stage;
  Index same = 0;      // tokens with the same numbers here, to a relative difference of 1e-5
  Index parts = 0;     // tokens that end differently and part here: the first stage that differs
  double largest = 0;  // of one expert's number, B less A without its sign, where both are finite
  Index token = -1;    // where that is; −1: there is none
  Index expert = -1;
  Index masked = 0;  // tokens of which a number is finite on one side alone
};
struct PartedToken {
  Index token = 0;
  std::string stage;
  TokenTrace a, b;  // without the stages
};
// For pictures: diff_routes stage by stage and token by token. Bounded: of the first tokens alone.
constexpr Index kMostTracedTokens = 65536;
constexpr std::size_t kMostPartedTokens = 1000;
struct RouteDiffDetail {
  Index tokens = 0;  // looked at
  std::vector<StageDiff>
      stages;  // those that both routers have, in order; "capacity" where there is one; "goes to"
  std::vector<PartedToken> parted;  // the first of those that end differently
  Index num_parted = 0;             // all of them
};
RouteDiffDetail diff_stages(const RoutedSide& a, const RoutedSide& b, const Context& context);

}  // namespace moesim
