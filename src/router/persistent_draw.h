#pragma once
// Experts drawn with given loads and a memory: what is left of recorded routing when its tokens are
// forgotten.
//
// Every token gets K different experts; expert e is among them with probability inclusion[e], exactly. Each
// token first draws a fresh set D: systematic sampling of the inclusions (Madow 1949, "On the theory of
// systematic sampling, II") laid out in an order that is random for each token, which leaves experts about as
// independent as K of E can be. Then it remembers: with A the set of the token before, the experts in A and
// not in D are paired with those in D and not in A, by rank, and each pair goes to A with probability
// `persistence`, else to D. So for any persistence every token's set keeps the inclusions, and neighbours
// share
//
//     Σ inclusion² + persistence · (K − Σ inclusion²)
//
// experts in the mean. A token whose position in its sequence is a multiple of kMemory remembers nothing, so
// that a token's experts follow from its own place and at most kMemory − 1 before it.

#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix.h"
#include "core/random.h"

namespace moesim {

struct DrawLaw {
  std::vector<double> inclusion;  // [E] each from 0 to 1, together K
  double persistence = 0;         // from 0 to 1
};

// Inclusions in proportion to `shares` [E] (0 or more, at least top_k of them above 0); where one would
// exceed 1 it is 1 and the others share the rest in proportion.
std::vector<double> inclusions_of(std::span<const double> shares, Index top_k);

// The experts that neighbours of one sequence share in the mean without memory: Σ inclusion².
double independent_overlap(std::span<const double> inclusion);
// The persistence that gives them `overlap` instead, from 0 to 1.
double persistence_for(double overlap, std::span<const double> inclusion);

class PersistentDraw {
 public:
  static constexpr std::uint64_t kMemory = 64;

  PersistentDraw(const DrawLaw& law, RandomKey key);  // the law must outlive it

  struct Place {
    std::uint64_t token = 0;     // in the stream
    std::uint64_t position = 0;  // in its sequence
  };
  // The experts of the token, lowest first; chosen.size() is K. A function of the place alone; the token that
  // follows the one of the call before costs least.
  void draw(Place place, std::span<std::int32_t> chosen);

 private:
  void draw_fresh(RandomSequence& luck);
  void step(std::uint64_t token, bool remembers);  // set_ becomes that token's

  const DrawLaw& law_;
  RandomKey key_;
  std::size_t top_k_;
  std::vector<std::int32_t> order_;     // [E] of the draw at hand
  std::vector<std::uint8_t> is_fresh_;  // [E]
  std::vector<std::int32_t> fresh_;     // D
  std::vector<std::int32_t> set_;       // of the last token; empty: there was none
  std::vector<std::int32_t> next_;
  Place last_;
};

}  // namespace moesim
