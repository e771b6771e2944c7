// Included by each kernels_<set>.cpp where core/vectors.inl would be: what its own functions are given.

#include "core/vectors.inl"

// Values, those of them to keep (not below the bound), and their indices.
struct Offer {
  Vec value, bound;
  IntVec index;
};
// Values at positions, against another one in every lane.
struct Duel {
  Vec value, other;
  IntVec position;
};
