// Included inside the unnamed namespace of kernels_<set>.cpp, after core/vectors.inl (V a divisor of 16) and
// when the set has defined
//
//   rotate<Bits>                  to the left, lane by lane
//   pick                          entry (lowest four bits) of a table of 16, lane by lane
//
// Numbers are drawn 16 at a time, so that all sets do the same.

constexpr int kGenerators = NoiseState::kGenerators;
constexpr int kVecs = kGenerators / kLanes;

// The logarithms of numbers x = 2^n·m, m in [0.75, 1.5). m lies in one of 16 intervals of equal length in bits,
// eight below 1 and eight above. Of each: 1 / c and log2 c, c about its middle, but 1 where it ends at 1,
// so that logarithms near 0 are right in relation to their size.
constexpr std::int32_t kLowest = 0x3f400000;  // the bits of 0.75
constexpr float kInverse[16] = {
    1.3066666F, 1.2553846F, 1.2079772F, 1.1640211F,
    1.1231527F, 1.0850575F, 1.0494623F, 1.0F,
    0.9705882F, 0.9150327F, 0.86549705F, 0.8210526F,
    0.7809524F, 0.74458873F, 0.71146244F, 0.68115944F};
constexpr float kLog[16] = {
    -0.38589108F, -0.32812938F, -0.2725932F, -0.21911725F,
    -0.16755413F, -0.11777149F, -0.06965037F, 0.0F,
    0.043068763F, 0.12810482F, 0.20839919F, 0.28445342F,
    0.35669348F, 0.4254843F, 0.4911405F, 0.5539356F};

struct Split {
  Vec power;  // n + log2 c
  Vec rest;   // m / c − 1, at most 1/31 from 0
};

Split split(Vec x) {
  const IntVec above = reinterpret_cast<IntVec>(x) - kLowest;
  const Vec m = reinterpret_cast<Vec>((above & 0x7fffff) + kLowest);
  const auto interval = reinterpret_cast<UintVec>(above) >> 19;
  const Vec power = __builtin_convertvector(above >> 23, Vec) + pick(kLog, interval);
  return {power, m * pick(kInverse, interval) - splat(1.0F)};
}

// log2 x. ln(1 + r) / r is taken to be straight, through its values where [−1/32, 0] has them best: the
// logarithm of a number in [31/32, 1) is right to 4e-5 of its size, others to 4e-5.
Vec log2_of(Vec x) {
  const Split s = split(x);
  return s.power + s.rest * (s.rest * splat(-0.510634972F * 1.44269504F) + splat(0.999958335F * 1.44269504F));
}

// xoshiro128+
struct Generators {
  explicit Generators(const NoiseState& state) {
    for (int w = 0; w < 4; ++w) {
      for (int i = 0; i < kVecs; ++i) {
        word[w][i] = load_as<UintVec>(state.word[w] + i * kLanes);
      }
    }
  }
  void save(NoiseState& state) const {
    for (int w = 0; w < 4; ++w) {
      for (int i = 0; i < kVecs; ++i) {
        store_as(state.word[w] + i * kLanes, word[w][i]);
      }
    }
  }
  UintVec next(int i) {
    const UintVec bits = word[0][i] + word[3][i];
    const UintVec shifted = word[1][i] << 9;
    word[2][i] ^= word[0][i];
    word[3][i] ^= word[1][i];
    word[1][i] ^= word[2][i];
    word[0][i] ^= word[3][i];
    word[2][i] ^= shifted;
    word[3][i] = rotate<11>(word[3][i]);
    return bits;
  }
  UintVec word[4][kVecs];
};

// u from the highest 23 bits: they are the digits of a number in [1, 2).
Vec logit(UintVec bits, Vec popularity) {
  const Vec u = reinterpret_cast<Vec>((bits >> 9) | 0x3f800000U) - splat(1.0F - 0x1p-24F);
  return popularity - splat(0.693147181F) * log2_of(-log2_of(u));
}

void draw(NoiseState& state, const float* popularity, std::int64_t experts, std::int64_t skipped,
          std::int64_t rows, float* logits) {
  Generators generators(state);
  for (std::int64_t left = skipped * ((experts + kGenerators - 1) / kGenerators); left > 0; --left) {
    for (int i = 0; i < kVecs; ++i) {
      generators.next(i);
    }
  }
  for (; rows > 0; --rows) {
    std::int64_t e = 0;
    for (; e + kGenerators <= experts; e += kGenerators) {
      for (int i = 0; i < kVecs; ++i) {
        store(logits + e + i * kLanes, logit(generators.next(i), load(popularity + e + i * kLanes)));
      }
    }
    if (e < experts) {
      float last[kGenerators];
      for (int i = 0; i < kVecs; ++i) {
        store(last + i * kLanes, logit(generators.next(i), load(popularity + e + i * kLanes)));
      }
      for (int i = 0; e + i < experts; ++i) {
        logits[e + i] = last[i];
      }
    }
    logits += experts;
  }
  generators.save(state);
}

const NoiseKernels* kernel_set(const char* name) {
  static const NoiseKernels kernels = {name, draw};
  return &kernels;
}
