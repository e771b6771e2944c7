// Included inside the unnamed namespace of kernels_<set>.cpp, after core/vectors.inl (V a divisor of 16) and
// when the set has defined
//
//   rotate<Bits>                  to the left, lane by lane
//   pick                          entry (lowest four bits) of a table of 16, lane by lane
//
// Numbers are drawn 16 at a time, so that all sets do the same.

constexpr int kGenerators = NoiseState::kGenerators;
constexpr int kVecs = kGenerators / kLanes;

// Both logarithms are straight in 16 intervals of a number's mantissa m in [1, 2): a value and a slope of each, such
// that the largest error is least. kWholeBit is the place of the exponent, kIntervalBit that of the interval.
constexpr int kWholeBit = 23;
constexpr int kIntervalBit = 19;

Vec mantissa(UintVec bits) {
  return reinterpret_cast<Vec>((bits & 0x7fffffU) | 0x3f800000U);
}

// −log2 (u / 2^31). Of u in [2^30, 2^31), exponent 157, that is −log2 (1 − d/2) with d = 2 − m; straight in d·(4 + d)
// rather than in d, and from the origin in the last interval, so that small ones are right in relation to their
// size: all are, to 2.5e-4.
constexpr float kFall[16] = {156.82133F, 156.86163F, 156.89389F, 156.91965F, 156.94008F, 156.95618F,
                             156.96872F, 156.97835F, 156.98558F, 156.99088F, 156.99461F, 156.99712F,
                             156.99867F, 156.99953F, 156.99991F, 157.0F};
constexpr float kFallSlope[16] = {0.23568934F, 0.2269926F,  0.21943563F, 0.2128556F,
                                  0.20712262F, 0.20213217F, 0.1977996F,  0.19405605F,
                                  0.19084537F, 0.18812186F, 0.18584843F, 0.18399534F,
                                  0.18253908F, 0.1814617F,  0.18075019F, 0.18036647F};

Vec fall(Vec u) {
  const auto bits = reinterpret_cast<UintVec>(u);
  const UintVec interval = bits >> kIntervalBit;
  const Vec m = mantissa(bits);
  const Vec whole = __builtin_convertvector(reinterpret_cast<IntVec>(bits >> kWholeBit), Vec);
  return (pick(kFall, interval) - whole) + (splat(2.0F) - m) * (splat(6.0F) - m) * pick(kFallSlope, interval);
}

// ln x to 2.5e-4. A number's bits, as a whole number, are its logarithm but for what the mantissa adds.
constexpr float kRest[16] = {-88.30631F, -88.247406F, -88.19179F,  -88.1391F,  -88.08906F,  -88.0414F,
                             -87.9959F,  -87.9524F,   -87.910706F, -87.87068F, -87.8322F,   -87.79514F,
                             -87.75941F, -87.724915F, -87.69157F,  -87.659294F};
constexpr float kRestSlope[16] = {0.27684677F,   0.22138745F,  0.17192836F,  0.12754554F,
                                  0.087495446F,  0.05117307F,  0.01808102F,  -0.01219335F,
                                  -0.039995268F, -0.06561577F, -0.08930194F, -0.11126488F,
                                  -0.13168606F,  -0.15072235F, -0.16851002F, -0.18516801F};

Vec logarithm(Vec x) {
  const auto bits = reinterpret_cast<UintVec>(x);
  const UintVec interval = bits >> kIntervalBit;
  return __builtin_convertvector(reinterpret_cast<IntVec>(bits), Vec) * splat(0.693147181F * 0x1p-23F) +
         (pick(kRest, interval) + mantissa(bits) * pick(kRestSlope, interval));
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

// 2^31·u from bits 30 to 7, which a float holds; fall() takes 0 for 2^-127.
Vec logit(UintVec bits, Vec popularity) {
  const Vec u = __builtin_convertvector(reinterpret_cast<IntVec>(bits & 0x7fffff80U), Vec);
  return popularity - logarithm(fall(u));
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
