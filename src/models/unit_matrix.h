#pragma once
// A stored matrix seen from the hidden units, whichever way it lies.

#include "models/layout.h"
#include "models/stored_matrix.h"

namespace moesim {

// A matrix whose rows, columns, or every second of either belong to hidden units (of a gate: to experts).
struct UnitMatrix {
  StoredMatrix stored;
  bool units_first = true;
  Parts parts = Parts::one;
  Index part = 0;   // of a fused matrix: 0 gate, 1 up
  Index units = 0;  // F
  Index width = 0;  // numbers of a unit: D, or 1 of a bias

  bool none() const { return stored.none(); }
};

// out [n,width]: row i is what belongs to unit first + i. Throws as read_block does.
void read_units(const TensorFolder& folder, const UnitMatrix& matrix, Index first, MutableMatrixView out);

}  // namespace moesim
