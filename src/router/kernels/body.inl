// Included inside the unnamed namespace of kernels_<set>.cpp, after router/kernels/types.inl (V a divisor of 16) and
// when the set has defined
//
//   maximum, minimum              of two vectors, lane by lane
//   highest, lowest               of the lanes of one
//   pick                          entry (lowest three bits) of a table of eight, lane by lane
//   WideSums                      16 sums in double; add(block of 16 floats), total() by halves
//   keep                          appends the lanes not below a bound, and their indices
//   count_less, count_beaten      adds 1 to the lanes that a number is above, or ranks before
//
// Numbers are taken in blocks of 16, the last one filled up, so that all sets do the same.

constexpr int kBlock = 16;
constexpr int kVecs = kBlock / kLanes;
constexpr float kInfinity = __builtin_inff();

IntVec count_up() {
  IntVec v;
  for (int lane = 0; lane < kLanes; ++lane) {
    v[lane] = lane;
  }
  return v;
}

// A whole block as it stands in memory; a last one copied, and filled up.
struct Tail {
  Tail(const float* from, std::int64_t count, float fill) {
    for (int i = 0; i < kBlock; ++i) {
      values[i] = i < count ? from[i] : fill;
    }
  }
  float values[kBlock];
};

void store_some(float* to, const Vec (&v)[kVecs], std::int64_t count) {
  float values[kBlock];
  for (int i = 0; i < kVecs; ++i) {
    store(values + i * kLanes, v[i]);
  }
  for (int i = 0; i < count; ++i) {
    to[i] = values[i];
  }
}

// 2^(j/8) in two parts.
constexpr float kRoot[8] = {0x1.0p0F,      0x1.172b84p0F, 0x1.306fep0F,  0x1.4bfdaep0F,
                            0x1.6a09e6p0F, 0x1.8ace54p0F, 0x1.ae89fap0F, 0x1.d5818ep0F};
constexpr float kRootRest[8] = {0x0.0p0F,        -0x1.c15742p-27F, 0x1.4636e2p-25F,  -0x1.593abcp-25F,
                                0x1.9fcef4p-26F, 0x1.15506ep-27F,  -0x1.a94b14p-26F, -0x1.822dbcp-27F};

// e^x for x <= 0, and 0 below −87, near which the results stop being normal numbers. x = N·ln 2 / 8 + r with N =
// 8·n + j; then e^x = 2^n · 2^(j/8) · (1 + p), p the Taylor polynomial of e^r − 1 for |r| <= ln 2 / 16 (error
// below 1e-11). A table because then all but the last rounding is of small numbers: the result is within 0.63
// units in the last place (of all floats), and a larger x never gets a smaller one.
Vec exponential(Vec x) {
  const Vec shift = splat(12582912.0F);  // 1.5·2²³: adding it rounds to a whole number
  const Vec biased = x * splat(8 * 1.44269504088896341F) + shift;
  const Vec n = biased - shift;
  Vec r = x - n * splat(0.693359375F / 8);  // ln 2 / 8 in two parts, the first exact in 10 bits
  r = r - n * splat(-0x1.bd0106p-16F);
  Vec p = splat(1.0F / 120);
  p = p * r + splat(1.0F / 24);
  p = p * r + splat(1.0F / 6);
  p = p * r + splat(0.5F);
  p = p * (r * r) + r;
  const auto bits = reinterpret_cast<UintVec>(biased);  // the lowest are N, lowest of all j
  const Vec root = pick(kRoot, bits);
  const Vec value = root + (root * p + pick(kRootRest, bits));
  const UintVec power = (bits >> 3) << 23;  // what is not n is shifted out
  const Vec scaled = reinterpret_cast<Vec>(reinterpret_cast<UintVec>(value) + power);
  return x < splat(-87.0F) ? Vec{} : scaled;
}

bool all_finite(const float* values, std::int64_t count) {
  UintVec found{};
  const auto look = [&found](const float* block) {
    for (int i = 0; i < kVecs; ++i) {
      const Vec v = load(block + i * kLanes);
      found |= reinterpret_cast<UintVec>(v - v);  // 0, or NaN
    }
  };
  std::int64_t at = 0;
  for (; at + kBlock <= count; at += kBlock) {
    look(values + at);
  }
  if (at < count) {
    look(Tail(values + at, count - at, 0.0F).values);
  }
  std::uint32_t any = 0;
  for (int lane = 0; lane < kLanes; ++lane) {
    any |= found[lane];
  }
  return any == 0;
}

float highest_of(const float* values, std::int64_t count) {
  Vec best[kVecs];
  for (Vec& v : best) {
    v = splat(-kInfinity);
  }
  const auto look = [&best](const float* block) {
    for (int i = 0; i < kVecs; ++i) {
      best[i] = maximum(best[i], load(block + i * kLanes));
    }
  };
  std::int64_t at = 0;
  for (; at + kBlock <= count; at += kBlock) {
    look(values + at);
  }
  if (at < count) {
    look(Tail(values + at, count - at, -kInfinity).values);
  }
  for (int i = 1; i < kVecs; ++i) {
    best[0] = maximum(best[0], best[i]);
  }
  return highest(best[0]);
}

void softmax(const float* logits, std::int64_t count, float* scores) {
  const Vec top = splat(highest_of(logits, count));
  WideSums sums;
  std::int64_t at = 0;
  for (; at + kBlock <= count; at += kBlock) {
    Vec v[kVecs];
    for (int i = 0; i < kVecs; ++i) {
      v[i] = exponential(load(logits + at + i * kLanes) - top);
      store(scores + at + i * kLanes, v[i]);
    }
    sums.add(v);
  }
  if (at < count) {
    const Tail tail(logits + at, count - at, 0.0F);
    Vec v[kVecs];
    for (int i = 0; i < kVecs; ++i) {
      const IntVec place = count_up() + i * kLanes;
      const Vec e = exponential(load(tail.values + i * kLanes) - top);
      v[i] = place < static_cast<std::int32_t>(count - at) ? e : Vec{};
    }
    store_some(scores + at, v, count - at);
    sums.add(v);
  }
  const float scale = static_cast<float>(1.0 / sums.total());
  for (at = 0; at + kLanes <= count; at += kLanes) {
    store(scores + at, load(scores + at) * scale);
  }
  for (; at < count; ++at) {
    scores[at] *= scale;
  }
}

// exp only of numbers that are not positive, so that nothing overflows.
Vec sigmoid_of(Vec z) {
  const Vec e = exponential(minimum(z, -z));
  const Vec one = splat(1.0F);
  return (z >= Vec{} ? one : e) / (one + e);
}

void sigmoid(const float* logits, std::int64_t count, float* scores) {
  std::int64_t at = 0;
  for (; at + kLanes <= count; at += kLanes) {
    store(scores + at, sigmoid_of(load(logits + at)));
  }
  if (at < count) {
    const Tail tail(logits + at, count - at, 0.0F);
    Vec v[kVecs];
    for (int i = 0; i < kVecs; ++i) {
      v[i] = sigmoid_of(load(tail.values + i * kLanes));
    }
    store_some(scores + at, v, count - at);
  }
}

// Values that may be among the k highest, in the order of their indices.
constexpr int kMostCandidates = 64;
// Broadcasting from memory costs no shuffle, which the compiler would do if it knew the registers.
template <int N>
void in_memory(float (&values)[N]) {
  __asm__("" : "+m"(values));
}

struct Candidates {
  float value[kMostCandidates + 2 * kBlock];
  std::int32_t index[kMostCandidates + 2 * kBlock];
  int count = 0;
};

// A number that at least k values are not below: the values are dealt to 16·Blocks groups, and of the groups'
// highest values this is the k-th. k <= 8·Blocks, so that it is not far below the k-th of all.
template <int Blocks>
float low_bound(const float* values, std::int64_t count, std::int64_t k) {
  constexpr int kGroups = Blocks * kVecs;
  Vec group[kGroups];
  for (Vec& v : group) {
    v = splat(-kInfinity);
  }
  const auto deal = [&group](const float* block, int to) {
    for (int i = 0; i < kVecs; ++i) {
      group[to * kVecs + i] = maximum(group[to * kVecs + i], load(block + i * kLanes));
    }
  };
  std::int64_t at = 0;
  for (; at + Blocks * kBlock <= count; at += Blocks * kBlock) {
    for (int b = 0; b < Blocks; ++b) {
      deal(values + at + b * kBlock, b);
    }
  }
  for (int b = 0; at < count; ++b, at += kBlock) {
    if (count - at >= kBlock) {
      deal(values + at, b);
    } else {
      deal(Tail(values + at, count - at, -kInfinity).values, b);
    }
  }
  float all[Blocks * kBlock];
  for (int g = 0; g < kGroups; ++g) {
    store(all + g * kLanes, group[g]);
  }
  in_memory(all);
  IntVec above[kGroups] = {};
  for (const float x : all) {
    for (int g = 0; g < kGroups; ++g) {
      above[g] = count_less(above[g], group[g], splat(x));
    }
  }
  Vec best = splat(kInfinity);
  for (int g = 0; g < kGroups; ++g) {
    best = minimum(best, above[g] < static_cast<std::int32_t>(k) ? group[g] : splat(kInfinity));
  }
  return lowest(best);
}

// False where they are too many.
bool collect(const float* values, std::int64_t count, float bound, Candidates& found) {
  const Vec least = splat(bound);
  const IntVec lanes = count_up();
  int kept = 0;
  std::int64_t at = 0;
  for (; at + kLanes <= count && kept <= kMostCandidates; at += kLanes) {
    kept += keep({load(values + at), least, lanes + static_cast<std::int32_t>(at)}, kLanes, found.value + kept,
                 found.index + kept);
  }
  if (at < count && kept <= kMostCandidates) {
    const Tail tail(values + at, count - at, -kInfinity);
    for (int i = 0; i < kVecs && at < count; ++i, at += kLanes) {
      const std::int64_t left = count - at < kLanes ? count - at : kLanes;
      kept += keep({load(tail.values + i * kLanes), least, lanes + static_cast<std::int32_t>(at)}, left,
                   found.value + kept, found.index + kept);
    }
  }
  if (kept > kMostCandidates) {
    return false;
  }
  const int filled = kept <= kBlock ? kBlock : kept <= 2 * kBlock ? 2 * kBlock : kMostCandidates;
  for (int i = kept; i < filled; i += kLanes) {
    store(found.value + i, splat(-kInfinity));
  }
  found.count = kept;
  return true;
}

// Every candidate's rank is the number of those before it; what fills the rest up to Size comes last.
template <int Size>
TopK rank(const Candidates& from, std::int64_t k, std::int32_t* chosen) {
  std::int32_t place[Size];
  for (int b = 0; b < Size; b += kLanes) {
    const Vec v = load(from.value + b);
    const IntVec position = count_up() + b;
    IntVec before{};
#pragma GCC unroll 16
    for (int j = 0; j < Size; ++j) {
      before = count_beaten(before, {v, splat(from.value[j]), position}, j);
    }
    __builtin_memcpy(place + b, &before, sizeof before);
  }
  std::int32_t order[Size] = {};
  for (int i = 0; i < Size; ++i) {
    order[place[i]] = i;
  }
  for (int i = 0; i < k; ++i) {
    chosen[i] = from.index[order[i]];
  }
  return from.count > k && from.value[order[k]] == from.value[order[k - 1]] ? TopK::tied : TopK::clear;
}

TopK top_k(const float* values, std::int64_t count, std::int64_t k, std::int32_t* chosen) {
  Candidates found;
  float bound = -kInfinity;
  if (count > kBlock) {
    if (k <= kBlock / 2) {
      bound = low_bound<1>(values, count, k);
    } else if (k <= kBlock) {
      bound = low_bound<2>(values, count, k);
    } else if (k <= 2 * kBlock) {
      bound = low_bound<4>(values, count, k);
    } else {
      return TopK::undecided;
    }
  }
  if (!collect(values, count, bound, found) || found.count < k) {
    return TopK::undecided;
  }
  if (found.count <= kBlock) {
    return rank<kBlock>(found, k, chosen);
  }
  return found.count <= 2 * kBlock ? rank<2 * kBlock>(found, k, chosen)
                                   : rank<kMostCandidates>(found, k, chosen);
}
