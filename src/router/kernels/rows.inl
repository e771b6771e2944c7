// Included inside the unnamed namespace of kernels_<set>.cpp, after router/kernels/body.inl. V rows at a time, a
// row in each lane: nothing goes from lane to lane, and nothing branches. The set has defined
//
//   Wide                          V sums in double: add(V floats in memory), +=, inverse(): 1 / sum as floats
//   mix<Step>                     of two vectors, what one step of transposing makes of them

// Entry [i][j] becomes [j][i]: the bits of i and j change places, one pair of bits a step.
template <int Step>
[[gnu::always_inline]] inline void transpose_from(Vec (&v)[kLanes]) {
  if constexpr (Step < kLanes) {
    for (int i = 0; i < kLanes; ++i) {
      if ((i & Step) == 0) {
        mix<Step>(v[i], v[i + Step]);
      }
    }
    transpose_from<2 * Step>(v);
  }
}

void order(Vec& high, Vec& low) {
  const Vec a = high;
  high = maximum(a, low);
  low = minimum(a, low);
}

// Batcher's network: 19 exchanges, the highest first.
void sort(Vec (&v)[8]) {
  constexpr int kPairs[19][2] = {{0, 1}, {2, 3}, {4, 5}, {6, 7}, {0, 2}, {1, 3}, {4, 6}, {5, 7}, {1, 2}, {5, 6},
                                 {0, 4}, {1, 5}, {2, 6}, {3, 7}, {2, 4}, {3, 5}, {1, 2}, {3, 4}, {5, 6}};
#pragma GCC unroll 19
  for (const auto& pair : kPairs) {
    order(v[pair[0]], v[pair[1]]);
  }
}

// The eight highest so far, sorted, and the best one that is not among them.
struct Best {
  Vec value[8];
  Vec left;

  // Eight more, sorted. Of the two lists, one turned round, the higher of each pair are the highest eight; they
  // rise once and fall once, and are sorted by halves.
  void merge(const Vec (&more)[8]) {
    for (int i = 0; i < 8; ++i) {
      left = maximum(left, minimum(value[i], more[7 - i]));
      value[i] = maximum(value[i], more[7 - i]);
    }
#pragma GCC unroll 3
    for (int step = 4; step > 0; step /= 2) {
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i) {
        if ((i & step) == 0) {
          order(value[i], value[i + step]);
        }
      }
    }
  }
};

// Logits of V rows, then their scores, expert by expert.
struct Tile {
  alignas(64) float value[BestInput::kMostExperts][kLanes];
  Vec at(std::int64_t e) const { return load(value[e]); }
};

// Returns each row's highest logit; `not_finite` is 0 where their sum, and so all of them, are finite.
Vec turn(const float* const (&row)[kLanes], std::int64_t count, Tile& tile, UintVec& not_finite) {
  constexpr int kAtOnce = 4;
  Vec top[kAtOnce];
  Vec sum[kAtOnce] = {};
  for (Vec& v : top) {
    v = splat(-kInfinity);
  }
  const auto look = [&](std::int64_t first, Vec (&v)[kLanes], std::int64_t size) {
    transpose_from<1>(v);
    for (int i = 0; i < size; ++i) {
      store(tile.value[first + i], v[i]);
      top[i % kAtOnce] = maximum(top[i % kAtOnce], v[i]);
      sum[i % kAtOnce] += v[i];
    }
  };
  Vec v[kLanes];
  std::int64_t e = 0;
  for (; e + kLanes <= count; e += kLanes) {
    for (int r = 0; r < kLanes; ++r) {
      v[r] = load(row[r] + e);
    }
    look(e, v, kLanes);
  }
  if (e < count) {
    for (int r = 0; r < kLanes; ++r) {
      v[r] = load(Tail(row[r] + e, count - e, 0.0F).values);
    }
    look(e, v, count - e);
  }
  for (int i = 1; i < kAtOnce; ++i) {
    top[0] = maximum(top[0], top[i]);
    sum[0] += sum[i];
  }
  not_finite = reinterpret_cast<UintVec>(sum[0] - sum[0]);
  return top[0];
}

// As softmax(), the sums in the same order. Returns what they are to be multiplied by.
Vec to_exponentials(std::int64_t count, Vec top, Tile& tile) {
  constexpr int kAtOnce = 4;
  std::int64_t done = 0;
  for (; done + kAtOnce <= count; done += kAtOnce) {
    Vec v[kAtOnce];
    for (int i = 0; i < kAtOnce; ++i) {
      v[i] = tile.at(done + i) - top;
    }
    exponentials(v, v);
    for (int i = 0; i < kAtOnce; ++i) {
      store(tile.value[done + i], v[i]);
    }
  }
  for (; done < count; ++done) {
    store(tile.value[done], exponential(tile.at(done) - top));
  }
  Wide sum[kBlock];
  for (int i = 0; i < kBlock; ++i) {
    Wide of_place;
    for (std::int64_t e = i; e < count; e += kBlock) {
      of_place.add(tile.value[e]);
    }
    sum[i] = of_place;
  }
  for (int half = kBlock / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) {
      sum[i] += sum[i + half];
    }
  }
  return sum[0].inverse();
}

// Numbers in the order of the scores, which are not negative: their lowest bits replaced by the expert. Compared as
// floats, for which processors with AVX-512 have twice as many units as for whole numbers.
Best find_best(std::int64_t count, std::int32_t lowest_bits, Vec scale, Tile& tile) {
  Best best;
  const Vec none = splat(-1.0F);  // below all, expert 0
  best.left = none;
  for (std::int64_t e = 0; e < count; e += 8) {
    Vec more[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      more[i] = none;
      if (e + i < count) {
        const Vec score = tile.at(e + i) * scale;
        store(tile.value[e + i], score);
        more[i] = reinterpret_cast<Vec>((reinterpret_cast<IntVec>(score) & ~lowest_bits) |
                                        static_cast<std::int32_t>(e + i));
      }
    }
    sort(more);
    if (e == 0) {
      for (int i = 0; i < 8; ++i) {
        best.value[i] = more[i];
      }
    } else {
      best.merge(more);
    }
  }
  return best;
}

void softmax_best_of_tile(const float* const (&row)[kLanes], const BestInput& input, std::int64_t rows,
                          const BestOutput& out) {
  Tile tile;
  UintVec unsure;
  const std::int64_t count = input.count;
  const std::int64_t k = input.k;
  const Vec top = turn(row, count, tile, unsure);
  const Vec scale = to_exponentials(count, top, tile);
  std::int32_t lowest_bits = 7;
  while (lowest_bits < count - 1) {
    lowest_bits = 2 * lowest_bits + 1;
  }
  const Best best = find_best(count, lowest_bits, scale, tile);
  std::uint32_t expert[8][kLanes];
  for (int j = 0; j < 8; ++j) {
    const auto key = reinterpret_cast<IntVec>(best.value[j]);
    const auto next = reinterpret_cast<IntVec>(j < 7 ? best.value[j + 1] : best.left);
    store_as(expert[j], key & lowest_bits);
    const auto equal = reinterpret_cast<UintVec>(((key ^ next) & ~lowest_bits) == IntVec{});
    unsure |= j < k ? equal : UintVec{};
  }
  std::uint32_t flag[kLanes];
  store_as(flag, unsure);
  const auto write = [&](std::int64_t size) __attribute__((always_inline)) {
    for (int r = 0; r < rows; ++r) {
      out.decided[r] = flag[r] == 0;
      const float* const score = tile.value[0] + r;
#pragma GCC unroll 8
      for (std::int64_t j = 0; j < size; ++j) {
        const std::uint32_t e = expert[j][r];
        out.chosen[r * size + j] = static_cast<std::int32_t>(e);
        out.score[r * size + j] = score[static_cast<std::uint64_t>(e) * kLanes];
      }
    }
  };
  if (k == BestInput::kMostBest) {  // as most have it: a number that the compiler knows
    write(BestInput::kMostBest);
  } else {
    write(k);
  }
}

void softmax_best(const BestInput& input, const BestOutput& out) {
  for (std::int64_t first = 0; first < input.rows; first += kLanes) {
    const std::int64_t rows = input.rows - first < kLanes ? input.rows - first : kLanes;
    const float* row[kLanes];
    for (int r = 0; r < kLanes; ++r) {
      row[r] = input.logits + (first + (r < rows ? r : 0)) * input.count;
    }
    softmax_best_of_tile(row, input, rows,
                         {out.chosen + first * input.k, out.score + first * input.k, out.decided + first});
  }
}

struct BestTwo {
  Vec first = splat(-kInfinity), second = splat(-kInfinity);
  void add(Vec v) {
    second = maximum(second, minimum(first, v));
    first = maximum(first, v);
  }
};

// V / 2 groups at a time: the two best of each lane, then of a group's lanes, with the first ones of a group in a lane
// and the second ones in another.
void best_two(const float* values, std::int64_t groups, std::int64_t size, float* two) {
  constexpr int kGroups = kLanes / 2;
  for (std::int64_t begin = 0; begin < groups; begin += kGroups) {
    Vec v[kLanes];
    for (int i = 0; i < kGroups; ++i) {
      const std::int64_t g = begin + i < groups ? begin + i : begin;
      const float* const group = values + g * size;
      BestTwo best;
      std::int64_t at = 0;
      for (; at + kLanes <= size; at += kLanes) {
        best.add(load(group + at));
      }
      if (at < size) {
        best.add(load(Tail(group + at, size - at, -kInfinity).values));
      }
      v[i] = best.first;
      v[kGroups + i] = best.second;
    }
    transpose_from<1>(v);
    BestTwo best;
    for (const Vec& lane : v) {
      best.add(lane);
    }
    float first[kLanes];
    float second[kLanes];
    store(first, best.first);
    store(second, best.second);
    for (int i = 0; i < kGroups && begin + i < groups; ++i) {
      two[2 * (begin + i)] = first[i];
      two[2 * (begin + i) + 1] = first[kGroups + i] > second[i] ? first[kGroups + i] : second[i];
    }
  }
}

void ranks_of(const double* values, std::int64_t count, std::int32_t* ranks) {
  constexpr int kHalf = kLanes / 2;
  using Doubles = double __attribute__((vector_size(4 * kLanes)));
  using Places = std::int64_t __attribute__((vector_size(4 * kLanes)));
  for (std::int64_t begin = 0; begin < count; begin += kHalf) {
    const std::int64_t size = count - begin < kHalf ? count - begin : kHalf;
    Doubles mine{};
    Places place{};
    for (int i = 0; i < kHalf; ++i) {
      mine[i] = values[begin + (i < size ? i : 0)];
      place[i] = begin + i;
    }
    Places before{};
    for (std::int64_t other = 0; other < count; ++other) {
      const Doubles value = values[other] - Doubles{};
      before -= (mine < value) | ((mine == value) & (place > other));
    }
    std::int64_t found[kHalf];
    store_as(found, before);
    for (std::int64_t i = 0; i < size; ++i) {
      ranks[begin + i] = static_cast<std::int32_t>(found[i]);
    }
  }
}

const RowKernels* kernel_set(const char* name) {
  static const RowKernels kernels = {name, all_finite, softmax, sigmoid, top_k, softmax_best, best_two, ranks_of};
  return &kernels;
}
