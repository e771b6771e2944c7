// The products of narrow numbers, written once. A kernels_<set>.cpp includes this file inside its own unnamed
// namespace, after core/vectors.inl, and then calls dot_set<Dot>() with a struct Dot that has
//   Sum                      V sums
//   kGroup, kMaxRows         numbers of a group; rows whose 2·rows sums fit the registers
//   weights(const void*)     V groups of a panel, ready to be multiplied
//   value(const void*)       one group of a row, for every lane
//   dot(sum, value, weights) sum + value·weights
// No name here has external linkage, and nothing of the standard library is used.

using ByteVec = std::int8_t __attribute__((vector_size(kLanes)));
using HalfVec = std::uint16_t __attribute__((vector_size(2 * kLanes)));
constexpr int kBytesOfGroup = 4;
constexpr int kVectorBytes = kBytesOfGroup * kLanes;

// A finished sum as floats.
[[maybe_unused]] Vec settled(Vec sum, const RowScale&) {
  return sum;
}
[[maybe_unused]] Vec settled(UintVec sum, const RowScale& row) {
  return __builtin_convertvector(reinterpret_cast<IntVec>(sum - row.offset), Vec) * row.scale;
}

template <class Dot, int M>
void dot_product(const DotStep& step) {
  using Sum = typename Dot::Sum;
  const char* x = static_cast<const char*>(step.x);
  const char* panel = static_cast<const char*>(step.panel);
  char* acc = static_cast<char*>(step.acc);
  Sum sums[M][2];
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
    sums[m][0] = step.add ? load_as<Sum>(acc + 2 * m * kVectorBytes) : Sum{};
    sums[m][1] = step.add ? load_as<Sum>(acc + (2 * m + 1) * kVectorBytes) : Sum{};
  }
  const int lines = step.lines;
  const char* next = static_cast<const char*>(step.next);
  for (std::int64_t g = 0; g < step.groups; g += kLanes) {
#pragma GCC unroll 16
    for (int j = 0; j < kLanes; ++j) {
      for (int line = j; line < lines; line += kLanes, next += 64) {
        __builtin_prefetch(next, 0, 2);  // into the second-level cache
      }
      const auto first = Dot::weights(panel);
      const auto second = Dot::weights(panel + kVectorBytes);
#pragma GCC unroll 16
      for (int m = 0; m < M; ++m) {
        const auto value = Dot::value(x + m * kVectorBytes + j * kBytesOfGroup);
        sums[m][0] = Dot::dot(sums[m][0], value, first);
        sums[m][1] = Dot::dot(sums[m][1], value, second);
      }
      panel += 2 * kVectorBytes;
    }
    x += M * kVectorBytes;
  }
  if (step.scales != nullptr) {
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      store_as(acc + 2 * m * kVectorBytes, settled(sums[m][0], step.scales[m]));
      store_as(acc + (2 * m + 1) * kVectorBytes, settled(sums[m][1], step.scales[m]));
    }
    return;
  }
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
    store_as(acc + 2 * m * kVectorBytes, sums[m][0]);
    store_as(acc + (2 * m + 1) * kVectorBytes, sums[m][1]);
  }
}

// body(i, v) for every vector of V floats of the row, times its weight, and for the zeros behind it.
template <class Body>
void for_each_vector(const FloatRow& row, std::int64_t vectors, const Body& body) {
  const std::int64_t whole = row.count / kLanes;
  for (std::int64_t i = 0; i < whole; ++i) {
    body(i, load_as<Vec>(row.from + i * row.stride) * row.weight);
  }
  for (std::int64_t i = whole; i < vectors; ++i) {
    Vec v{};
    for (int j = 0; j < kLanes && i * kLanes + j < row.count; ++j) {
      v[j] = row.from[i * row.stride + j] * row.weight;
    }
    body(i, v);
  }
}

// Where vector i of the row goes.
template <int Group>
void* narrow_place(const NarrowRow& to, std::int64_t i) {
  return static_cast<char*>(to.tile) + (i / Group * to.rows + to.row) * kVectorBytes +
         i % Group * (kVectorBytes / Group);
}

RowScale narrow_row_int8(const FloatRow& row, const NarrowRow& to) {
  const std::int64_t vectors = to.groups / kLanes * 4;
  // The bits of magnitudes are ordered as the magnitudes are; infinities and NaN are beyond all numbers.
  IntVec largest{};
  for_each_vector(row, (row.count + kLanes - 1) / kLanes, [&](std::int64_t, Vec v) {
    const IntVec bits = reinterpret_cast<IntVec>(v) & 0x7fffffff;
    largest = bits > largest ? bits : largest;
  });
  std::int32_t bits = 0;
  for (int j = 0; j < kLanes; ++j) {
    bits = largest[j] > bits ? largest[j] : bits;
  }
  const float magnitude = load_as<float>(&bits);
  const bool finite = bits < 0x7f800000;
  const bool some = finite && magnitude >= 0x1p-100F;
  const float levels = static_cast<float>(to.levels);
  const float inverse = some ? levels / magnitude : 0.0F;
  const Vec shift = Vec{} + 12582912.0F;  // 1.5·2²³: adding it rounds to a whole number
  IntVec sum{};
  for_each_vector(row, vectors, [&](std::int64_t i, Vec v) {
    const IntVec q = some ? reinterpret_cast<IntVec>(v * inverse + shift) - reinterpret_cast<IntVec>(shift)
                          : IntVec{};
    sum += q;
    store_as(narrow_place<4>(to, i), __builtin_convertvector(q, ByteVec));
  });
  std::uint32_t total = 0;
  for (int j = 0; j < kLanes; ++j) {
    total += static_cast<std::uint32_t>(sum[j]);
  }
  return {finite ? (some ? magnitude / levels : 0.0F) : __builtin_nanf(""), 128u * total};
}

RowScale narrow_row_bf16(const FloatRow& row, const NarrowRow& to) {
  for_each_vector(row, to.groups / kLanes * 2, [&](std::int64_t i, Vec v) {
    const UintVec bits = reinterpret_cast<UintVec>(v);
    const UintVec rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const UintVec quiet = (bits >> 16) | 0x40u;
    store_as(narrow_place<2>(to, i), __builtin_convertvector(v == v ? rounded : quiet, HalfVec));
  });
  return {1.0F, 0};
}

void place_row(const void* from, const NarrowRow& to) {
  const char* in = static_cast<const char*>(from);
  char* out = static_cast<char*>(to.tile) + to.row * kVectorBytes;
  for (std::int64_t g = 0; g < to.groups; g += kLanes, in += kVectorBytes, out += to.rows * kVectorBytes) {
    store_as(out, load_as<Vec>(in));
  }
}

template <class Dot>
float dot_loop(std::int64_t iterations, const void* seed) {
  constexpr int kSums = 2 * Dot::kMaxRows;
  typename Dot::Sum sums[kSums] = {};
  for (int i = 0; i < kSums; ++i) {
    const std::int32_t first[kLanes] = {i};  // not one sum many times
    sums[i] = load_as<typename Dot::Sum>(first);
  }
  const void* volatile at = seed;  // the same factors, for all the compiler knows others
  for (std::int64_t n = 0; n < iterations; ++n) {
    // Two vectors of weights and a value for each row, as in dot_product: making them ready is a part of the
    // work where no instruction multiplies them as they are.
    const auto first = Dot::weights(at);
    const auto second = Dot::weights(at);
    const char* x = static_cast<const char*>(at);
#pragma GCC unroll 16
    for (int m = 0; m < Dot::kMaxRows; ++m) {
      const auto value = Dot::value(x + m * kBytesOfGroup);
      sums[2 * m] = Dot::dot(sums[2 * m], value, first);
      sums[2 * m + 1] = Dot::dot(sums[2 * m + 1], value, second);
    }
  }
  for (int i = 1; i < kSums; ++i) {
    sums[0] += sums[i];
  }
  return static_cast<float>(sums[0][0]);
}

// The products of 1 … kMaxRows rows, in a table.
template <class Dot, int M>
struct FillDots {
  static void fill(DotProduct* table) {
    FillDots<Dot, M - 1>::fill(table);
    table[M - 1] = dot_product<Dot, M>;
  }
};
template <class Dot>
struct FillDots<Dot, 0> {
  static void fill(DotProduct*) {}
};

template <class Dot>
const DotSet* dot_set(const char* name, const KernelSet* floats) {
  static const struct Table {
    DotProduct of_rows[Dot::kMaxRows];
    Table() { FillDots<Dot, Dot::kMaxRows>::fill(of_rows); }
  } table;
  constexpr bool kWhole = Dot::kGroup == 4;
  static const DotSet set = {name,
                             floats,
                             Dot::kGroup,
                             Dot::kMaxRows,
                             table.of_rows,
                             kWhole ? narrow_row_int8 : narrow_row_bf16,
                             place_row,
                             dot_loop<Dot>};
  return &set;
}
