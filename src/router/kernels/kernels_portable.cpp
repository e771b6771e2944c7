// Vectors of four floats as every compiler target has them.
#include "router/kernels/kernels.h"

namespace moesim {
namespace {

constexpr int kLanes = 4;

#include "router/kernels/types.inl"

Vec maximum(Vec a, Vec b) {
  return a > b ? a : b;
}
Vec minimum(Vec a, Vec b) {
  return a < b ? a : b;
}
float highest(Vec v) {
  const float first = v[0] > v[1] ? v[0] : v[1];
  const float second = v[2] > v[3] ? v[2] : v[3];
  return first > second ? first : second;
}
float lowest(Vec v) {
  return -highest(-v);
}

Vec pick(const float (&table)[8], UintVec entry) {
  return Vec{table[entry[0] & 7], table[entry[1] & 7], table[entry[2] & 7], table[entry[3] & 7]};
}

struct WideSums {
  double sum[16] = {};
  void add(const Vec (&v)[4]) {
    for (int i = 0; i < 16; ++i) {
      sum[i] += static_cast<double>(v[i / 4][i % 4]);
    }
  }
  double total() const {
    double parts[16];
    for (int i = 0; i < 16; ++i) {
      parts[i] = sum[i];
    }
    for (int half = 8; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) {
        parts[i] += parts[i + half];
      }
    }
    return parts[0];
  }
};

// Returns how many.
int keep(const Offer& offer, std::int64_t lanes, float* value, std::int32_t* index) {
  int count = 0;
  for (int lane = 0; lane < lanes; ++lane) {
    value[count] = offer.value[lane];
    index[count] = offer.index[lane];
    count += offer.value[lane] >= offer.bound[lane] ? 1 : 0;
  }
  return count;
}

IntVec count_less(IntVec count, Vec v, Vec than) {
  return count - (v < than);
}
IntVec count_beaten(IntVec count, const Duel& duel, int j) {
  return count - ((duel.value < duel.other) | ((duel.value == duel.other) & (duel.position > j)));
}

struct Wide {
  double sum[kLanes] = {};
  void add(const float* values) {
    for (int lane = 0; lane < kLanes; ++lane) {
      sum[lane] += static_cast<double>(values[lane]);
    }
  }
  void operator+=(const Wide& other) {
    for (int lane = 0; lane < kLanes; ++lane) {
      sum[lane] += other.sum[lane];
    }
  }
  Vec inverse() const {
    Vec v{};
    for (int lane = 0; lane < kLanes; ++lane) {
      v[lane] = static_cast<float>(1.0 / sum[lane]);
    }
    return v;
  }
};

template <int Step>
void mix(Vec& a, Vec& b) {
  const Vec from = a;
  if constexpr (Step == 1) {
    a = Vec{from[0], b[0], from[2], b[2]};
    b = Vec{from[1], b[1], from[3], b[3]};
  } else {
    a = Vec{from[0], from[1], b[0], b[1]};
    b = Vec{from[2], from[3], b[2], b[3]};
  }
}

#include "router/kernels/body.inl"
#include "router/kernels/rows.inl"

}  // namespace

const RowKernels* row_kernels_portable() {
  return kernel_set("portable");
}

}  // namespace moesim
