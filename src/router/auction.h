#pragma once
// Private to this room: equally many tokens for every expert, with nearly the largest sum of affinities.
//
// The auction of fairseq (fairseq/clib/libbase/balanced_assignment.cpp, after Bertsekas's auction algorithm):
// experts bid for tokens. ε = max((max − min of all affinities) / 50, 1e-4). In every round
//  1. an expert values a token at affinity − price, and the tokens that it holds at the largest affinity of
//  all;
//  2. it bids for its T/E most valued tokens: value − that of the next one + ε, but ε for what it holds;
//  3. every token that is bid for goes to the highest bidder, and its price rises by that bid.
// It ends in the round in which every token is bid for: each expert keeps the tokens it has just bid for.
// From round 100 on held tokens are bid for like others and are afterwards valued at their plain affinity:
// worse, but quick.
//
// That always ends. After round 101 a token that is bid for is bid for ever after: its holder values it no
// less than before, and everything else no more. While some token has no bid, some expert holds fewer than
// T/E tokens, so others of its bids fail, and each raises a price by ε or more; the price of what nobody has
// bid for stays, so it is reached in a finite number of rounds.
//
// Said here where the source leaves it open: values are compared in double, less the smallest affinity; equal
// values go to the held token, then to the lowest; equal bids to the lowest expert. With one expert there is
// nothing to assign.
//
// How good: a sum that is reached in r <= 100 rounds is at most r·T·ε below the largest. An expert's next
// value (step 2) never grows; what it wins is then worth next − ε to it, and what it holds becomes dearer by
// ε a round, so in the end nothing it holds is worth r·ε less than anything it does not: Bertsekas's
// ε-complementary slackness with r·ε. A pure auction, where holding costs nothing, stays within T·ε. So does
// this one for real numbers (tests), but not where many affinities are equal.

#include <cstdint>
#include <vector>

#include "core/matrix.h"
#include "core/parallel.h"

namespace moesim {

// affinities [T,E], all finite; T is a multiple of E. Returns the expert of each token [T], T/E tokens each.
// O(rounds·T·E) time; the same on any number of threads.
std::vector<std::int32_t> assign_evenly(MatrixView affinities, const Context& context);

}  // namespace moesim
