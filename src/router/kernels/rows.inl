// Included inside the unnamed namespace of kernels_<set>.cpp, after router/kernels/body.inl. V rows at a time, a
// row in each lane: nothing goes from lane to lane, and nothing branches. The set has defined
//
//   Wide                          V sums in double: add(V floats in memory), +=, inverse(): 1 / sum as floats
//   mix<Step>                     of two vectors, what one step of transposing makes of them

// Entry [i][j] becomes [j][i]: the bits of i and j change places, one pair of bits a step.
template <int Step>
void transpose_from(Vec (&v)[kLanes]) {
  if constexpr (Step < kLanes) {
    for (int i = 0; i < kLanes; ++i) {
      if ((i & Step) == 0) {
        mix<Step>(v[i], v[i + Step]);
      }
    }
    transpose_from<2 * Step>(v);
  }
}

IntVec larger(IntVec a, IntVec b) {
  return a > b ? a : b;
}
IntVec smaller(IntVec a, IntVec b) {
  return a < b ? a : b;
}
void order(IntVec& high, IntVec& low) {
  const IntVec a = high;
  high = larger(a, low);
  low = smaller(a, low);
}

// Batcher's network: 19 exchanges, the highest first.
void sort(IntVec (&v)[8]) {
  constexpr int kPairs[19][2] = {{0, 1}, {2, 3}, {4, 5}, {6, 7}, {0, 2}, {1, 3}, {4, 6}, {5, 7}, {1, 2}, {5, 6},
                                 {0, 4}, {1, 5}, {2, 6}, {3, 7}, {2, 4}, {3, 5}, {1, 2}, {3, 4}, {5, 6}};
#pragma GCC unroll 19
  for (const auto& pair : kPairs) {
    order(v[pair[0]], v[pair[1]]);
  }
}

// The eight highest so far, sorted, and the best one that is not among them.
struct Best {
  IntVec value[8];
  IntVec left;

  // Eight more, sorted. Of the two lists, one turned round, the higher of each pair are the highest eight; they
  // rise once and fall once, and are sorted by halves.
  void merge(const IntVec (&more)[8]) {
    for (int i = 0; i < 8; ++i) {
      left = larger(left, smaller(value[i], more[7 - i]));
      value[i] = larger(value[i], more[7 - i]);
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

// Returns each row's highest logit; `not_finite` is 0 where all of them are finite.
Vec turn(const float* const (&row)[kLanes], std::int64_t count, Tile& tile, UintVec& not_finite) {
  Vec top = splat(-kInfinity);
  const auto look = [&](std::int64_t first, Vec (&v)[kLanes], std::int64_t size) {
    transpose_from<1>(v);
    for (int i = 0; i < size; ++i) {
      store(tile.value[first + i], v[i]);
      top = maximum(top, v[i]);
      not_finite |= reinterpret_cast<UintVec>(v[i] - v[i]);
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
  return top;
}

// As softmax(), the sums in the same order. Returns what they are to be multiplied by.
Vec exponentials(std::int64_t count, Vec top, Tile& tile) {
  for (std::int64_t e = 0; e < count; ++e) {
    store(tile.value[e], exponential(tile.at(e) - top));
  }
  Wide sum[kBlock];
  for (int i = 0; i < kBlock; ++i) {
    for (std::int64_t e = i; e < count; e += kBlock) {
      sum[i].add(tile.value[e]);
    }
  }
  for (int half = kBlock / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) {
      sum[i] += sum[i + half];
    }
  }
  return sum[0].inverse();
}

// Numbers in the order of the scores, which are not negative: their bits, the lowest replaced by the expert.
Best find_best(std::int64_t count, std::int32_t lowest_bits, Vec scale, Tile& tile) {
  Best best;
  const IntVec none = ~(IntVec{} + lowest_bits);  // below all, expert 0
  best.left = none;
  for (std::int64_t e = 0; e < count; e += 8) {
    IntVec more[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      more[i] = none;
      if (e + i < count) {
        const Vec score = tile.at(e + i) * scale;
        store(tile.value[e + i], score);
        more[i] = (reinterpret_cast<IntVec>(score) & ~lowest_bits) | static_cast<std::int32_t>(e + i);
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
  UintVec unsure{};
  const std::int64_t count = input.count;
  const std::int64_t k = input.k;
  const Vec top = turn(row, count, tile, unsure);
  const Vec scale = exponentials(count, top, tile);
  std::int32_t lowest_bits = 7;
  while (lowest_bits < count - 1) {
    lowest_bits = 2 * lowest_bits + 1;
  }
  const Best best = find_best(count, lowest_bits, scale, tile);
  std::int32_t expert[8][kLanes];
  for (int j = 0; j < 8; ++j) {
    store_as(expert[j], best.value[j] & lowest_bits);
    const IntVec next = j < 7 ? best.value[j + 1] : best.left;
    const auto equal = reinterpret_cast<UintVec>(((best.value[j] ^ next) & ~lowest_bits) == IntVec{});
    unsure |= j < k ? equal : UintVec{};
  }
  std::uint32_t flag[kLanes];
  store_as(flag, unsure);
  for (int r = 0; r < rows; ++r) {
    out.decided[r] = flag[r] == 0;
    for (std::int64_t j = 0; j < k; ++j) {
      out.chosen[r * k + j] = expert[j][r];
      out.score[r * k + j] = tile.value[expert[j][r]][r];
    }
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

const RowKernels* kernel_set(const char* name) {
  static const RowKernels kernels = {name, all_finite, softmax, sigmoid, top_k, softmax_best};
  return &kernels;
}
