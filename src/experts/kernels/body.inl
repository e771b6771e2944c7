// The kernels, written once. Each kernels_<set>.cpp includes this file inside its own unnamed namespace,
// after core/vectors.inl and when it has defined
//   kMaxRows                     the rows of a tile that fit the registers as 2·rows sums
//   fma(a, b, c)                 a·b + c
//   exact_fma(a, b, c)           the same, rounded once whatever it costs
//   widen_half(const uint16_t*)  V float16 → Vec
//   widen_byte(const int8_t*)    V int8 → Vec
//   stream(float*, Vec)          stores to an aligned place without bringing it into the caches, where that exists
//   end_streams()                after it such stores are seen like any other
// No name here has external linkage, and nothing of the standard library is used.

constexpr int kCacheLine = 64;
constexpr int kFewRows = 4;

struct Pair {
  Vec first, second;
};

struct Float32Panel {
  const float* at;
  explicit Float32Panel(const void* panel) : at(static_cast<const float*>(panel)) {}
  Pair next() {
    const Pair pair{load(at), load(at + kLanes)};
    at += 2 * kLanes;
    return pair;
  }
};

struct Bfloat16Panel {
  const std::uint32_t* at;
  explicit Bfloat16Panel(const void* panel) : at(static_cast<const std::uint32_t*>(panel)) {}
  Pair next() {
    UintVec words;
    __builtin_memcpy(&words, at, sizeof words);
    at += kLanes;
    return {reinterpret_cast<Vec>(words << 16), reinterpret_cast<Vec>(words & 0xffff0000u)};
  }
};

struct Float16Panel {
  const std::uint16_t* at;
  explicit Float16Panel(const void* panel) : at(static_cast<const std::uint16_t*>(panel)) {}
  Pair next() {
    const Pair pair{widen_half(at), widen_half(at + kLanes)};
    at += 2 * kLanes;
    return pair;
  }
};

struct Int8Panel {
  const std::int8_t* at;
  explicit Int8Panel(const void* panel) : at(static_cast<const std::int8_t*>(panel)) {}
  Pair next() {
    const Pair pair{widen_byte(at), widen_byte(at + kLanes)};
    at += 2 * kLanes;
    return pair;
  }
};

template <class Panel, int M>
void product(const PanelStep& step) {
  const float* x = step.x;
  float* acc = step.acc;
  const bool add = step.add;
  const int lines = step.lines;
  const char* next = static_cast<const char*>(step.next);
  Vec sums[M][2];
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
    sums[m][0] = add ? load(acc + 2 * m * kLanes) : Vec{};
    sums[m][1] = add ? load(acc + (2 * m + 1) * kLanes) : Vec{};
  }
  Panel weights(step.panel);
  for (std::int64_t k = 0; k < step.depth; k += kLanes) {
#pragma GCC unroll 16
    for (int j = 0; j < kLanes; ++j) {
      // One line at a time: many at once would hold up the loads of the product. Few rows use a panel up faster
      // than its next part arrives: that one goes to the second-level cache, to leave the first free.
      for (int line = j; line < lines; line += kLanes, next += kCacheLine) {
        __builtin_prefetch(next, 0, M <= kFewRows ? 2 : 3);
      }
      const Pair w = weights.next();
#pragma GCC unroll 16
      for (int m = 0; m < M; ++m) {
        const Vec value = splat(x[m * kLanes + j]);
        sums[m][0] = fma(value, w.first, sums[m][0]);
        sums[m][1] = fma(value, w.second, sums[m][1]);
      }
    }
    x += M * kLanes;
  }
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
    store(acc + 2 * m * kLanes, sums[m][0]);
    store(acc + (2 * m + 1) * kLanes, sums[m][1]);
  }
}

// The products of 1 … kMaxRows rows, in a table.
template <class Panel, int M>
struct FillProducts {
  static void fill(PanelProduct* table) {
    FillProducts<Panel, M - 1>::fill(table);
    table[M - 1] = product<Panel, M>;
  }
};
template <class Panel>
struct FillProducts<Panel, 0> {
  static void fill(PanelProduct*) {}
};
template <class Panel>
const PanelProduct* products_of() {
  static const struct Table {
    PanelProduct of_rows[kMaxRows];
    Table() { FillProducts<Panel, kMaxRows>::fill(of_rows); }
  } table;
  return table.of_rows;
}

template <class Panel>
void expand(std::int64_t depth, const void* panel, float* to) {
  Panel weights(panel);
  for (std::int64_t k = 0; k < depth; ++k, to += 2 * kLanes) {
    const Pair w = weights.next();
    store(to, w.first);
    store(to + kLanes, w.second);
  }
}

bool is_aligned(const float* at) {
  return reinterpret_cast<std::uintptr_t>(at) % sizeof(Vec) == 0;
}

void pack_row(const PackRow& row) {
  float* to = row.tile + row.row * kLanes;
  const std::int64_t step = static_cast<std::int64_t>(row.rows) * kLanes;
  const bool streaming = row.streaming && is_aligned(to);
  std::int64_t k = 0;
  for (; k + kLanes <= row.count; k += kLanes, to += step) {
    const Vec value = load(row.from + k) * row.scale;
    if (streaming) {
      stream(to, value);
    } else {
      store(to, value);
    }
  }
  for (; k < row.depth; k += kLanes, to += step) {
    for (int j = 0; j < kLanes; ++j) {
      to[j] = k + j < row.count ? row.from[k + j] * row.scale : 0.0F;
    }
  }
}

// e^x to within one unit in the last place: x = n·ln 2 + r, |r| ≤ ln 2/2, and e^r by its series up to r⁷/7!.
// Below −87 and above 88, near which the results stop being normal floats, the value there.
Vec exponential(Vec x) {
  const Vec low = splat(-87.0F);
  const Vec high = splat(88.0F);
  x = x > low ? x : low;
  x = x < high ? x : high;
  const Vec shift = splat(12582912.0F);  // 1.5·2²³: adding it rounds to a whole number
  const Vec biased = exact_fma(x, splat(1.44269504088896341F), shift);
  const Vec n = biased - shift;
  Vec r = exact_fma(n, splat(-0.693359375F), x);  // ln 2 in two parts, the first exact in 12 bits
  r = exact_fma(n, splat(2.12194440054690583e-4F), r);
  Vec sum = splat(1.0F / 5040);
  sum = exact_fma(sum, r, splat(1.0F / 720));
  sum = exact_fma(sum, r, splat(1.0F / 120));
  sum = exact_fma(sum, r, splat(1.0F / 24));
  sum = exact_fma(sum, r, splat(1.0F / 6));
  sum = exact_fma(sum, r, splat(0.5F));
  sum = exact_fma(sum, r, splat(1.0F));
  sum = exact_fma(sum, r, splat(1.0F));
  const IntVec power = __builtin_convertvector(n, IntVec) + 127;
  return sum * reinterpret_cast<Vec>(power << 23);
}

// x·sigmoid(z)
Vec times_sigmoid(Vec x, Vec z) {
  return x / (1.0F + exponential(-z));
}

// The functions of experts/activation.h. The tanh form of gelu is x·sigmoid(2·√(2/π)·(x + 0.044715·x³)).
Vec gelu(Vec x) {
  return times_sigmoid(x, 1.5957691216057308F * (x + 0.044715F * x * x * x));
}
// (u + 1)·g·sigmoid(α·g), cut off at the limit; NaN stays NaN.
Vec swiglu_oai(Vec gate, Vec up) {
  const Vec most = splat(kOaiLimit);
  const Vec least = splat(-kOaiLimit);
  gate = gate > most ? most : gate;
  up = up > most ? most : up;
  up = up < least ? least : up;
  return times_sigmoid((up + 1.0F) * gate, kOaiAlpha * gate);
}
Vec relu(Vec x) {
  return x < 0.0F ? Vec{} : x;  // NaN stays NaN
}

void activate(const ActivateTile& tile) {
  const bool gated = tile.activation == Activation::swiglu || tile.activation == Activation::geglu ||
                     tile.activation == Activation::swiglu_oai;
  for (int row = 0; row < tile.rows; ++row) {
    Vec first = load(tile.acc + 2 * row * kLanes);
    Vec second = load(tile.acc + (2 * row + 1) * kLanes);
    if (tile.column_scale != nullptr) {
      first = first * load(tile.column_scale);
      second = second * load(tile.column_scale + kLanes);
    }
    if (tile.column_bias != nullptr) {
      first = first + load(tile.column_bias);
      second = second + load(tile.column_bias + kLanes);
    }
    switch (tile.activation) {
      case Activation::swiglu:
        first = times_sigmoid(first, first) * second;
        break;
      case Activation::swiglu_oai:
        first = swiglu_oai(first, second);
        break;
      case Activation::geglu:
        first = gelu(first) * second;
        break;
      case Activation::gelu:
        first = gelu(first);
        second = gelu(second);
        break;
      case Activation::relu:
        first = relu(first);
        second = relu(second);
        break;
      case Activation::silu:
        first = times_sigmoid(first, first);
        second = times_sigmoid(second, second);
        break;
    }
    if (tile.unit_scale != nullptr) {
      first = first * load(tile.unit_scale);
      second = gated ? second : second * load(tile.unit_scale + kLanes);
    }
    store(tile.hidden + row * kLanes, first);
    if (!gated) {
      store(tile.hidden + (tile.rows + row) * kLanes, second);
    }
  }
}

// V sums, with their biases where there are some.
Vec biased(const float* acc, const float* bias) {
  return bias != nullptr ? load(acc) + load(bias) : load(acc);
}

void finish(const FinishTile& tile) {
  const float* const bias = tile.bias;
  const float* const second_bias = bias != nullptr ? bias + kLanes : nullptr;
  for (int row = 0; row < tile.rows; ++row) {
    const float* acc = tile.acc + 2 * row * kLanes;
    float* out = tile.out + row * tile.stride;
    const float weight = tile.row_weight != nullptr ? tile.row_weight[row] : 1.0F;
    if (tile.columns == 2 * kLanes) {
      if (tile.streaming && is_aligned(out)) {
        stream(out, biased(acc, bias) * weight);
        stream(out + kLanes, biased(acc + kLanes, second_bias) * weight);
        continue;
      }
      store(out, biased(acc, bias) * weight);
      store(out + kLanes, biased(acc + kLanes, second_bias) * weight);
      continue;
    }
    for (int c = 0; c < tile.columns; ++c) {
      out[c] = (bias != nullptr ? acc[c] + bias[c] : acc[c]) * weight;
    }
  }
}

float sum_of(Vec v) {
  float sum = 0;
  for (int j = 0; j < kLanes; ++j) {
    sum += v[j];
  }
  return sum;
}

float multiply_add_loop(std::int64_t iterations) {
  constexpr int kSums = 2 * kMaxRows;
  Vec sums[kSums];
  for (int i = 0; i < kSums; ++i) {
    sums[i] = splat(static_cast<float>(i));
  }
  const Vec factor = splat(0.999F);
  const Vec term = splat(0.001F);
  for (std::int64_t n = 0; n < iterations; ++n) {
#pragma GCC unroll 32
    for (int i = 0; i < kSums; ++i) {
      sums[i] = fma(sums[i], factor, term);
    }
  }
  Vec sum{};
  for (int i = 0; i < kSums; ++i) {
    sum = sum + sums[i];
  }
  return sum_of(sum);
}

float read_loop(const float* from, std::int64_t count) {
  constexpr int kSums = 8;
  Vec sums[kSums] = {};
  std::int64_t k = 0;
  for (; k + kSums * kLanes <= count; k += kSums * kLanes) {
#pragma GCC unroll 8
    for (int i = 0; i < kSums; ++i) {
      sums[i] = sums[i] + load(from + k + i * kLanes);
    }
  }
  Vec sum{};
  for (int i = 0; i < kSums; ++i) {
    sum = sum + sums[i];
  }
  float rest = sum_of(sum);
  for (; k < count; ++k) {
    rest += from[k];
  }
  return rest;
}

const KernelSet* kernel_set(const char* name) {
  static const KernelSet set = {name,
                                kLanes,
                                kMaxRows,
                                {products_of<Float32Panel>(), products_of<Bfloat16Panel>(),
                                 products_of<Float16Panel>(), products_of<Int8Panel>()},
                                {nullptr, expand<Bfloat16Panel>, expand<Float16Panel>, expand<Int8Panel>},
                                pack_row,
                                activate,
                                finish,
                                end_streams,
                                multiply_add_loop,
                                read_loop};
  return &set;
}
