#pragma once
// Zipf's law on a finite list: item r has a weight proportional to 1/(r+1)^exponent (Zipf 1949, "Human
// behavior and the principle of least effort"). Exponent 0: uniform.

#include <cstdint>
#include <vector>

namespace moesim {

class Zipf {
 public:
  Zipf(std::int64_t count, double exponent);  // count >= 1

  // The item at `uniform` in [0, 1) of the cumulative weights.
  std::uint32_t draw(double uniform) const;
  std::uint64_t memory_bytes() const { return cumulative_.size() * sizeof(double); }

 private:
  std::vector<double> cumulative_;
};

}  // namespace moesim
