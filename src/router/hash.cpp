// Hash routing: a token's experts are a fixed function of its id (Roller et al. 2021, arXiv:2106.04426).
//
// `random`: a fixed random map of ids to experts, one per layer and seed. `modulo`: expert (id + j) mod E for
// choice j (the id mod E of the expert-choice paper's comparison, arXiv:2202.09368, with neighbours as
// further choices). The paper leaves the one expert's output unweighted; here every choice weighs 1/top_k,
// which is the same for top_k 1. There is nothing to learn and nothing to tie.

#include "router/fixed_choice.h"

namespace moesim {
namespace {

enum class HashMethod { random, modulo };

constexpr EnumName<HashMethod> kHashMethods[] = {{HashMethod::random, "random"},
                                                 {HashMethod::modulo, "modulo"}};

std::span<const EnumName<HashMethod>> enum_names(HashMethod) {
  return kHashMethods;
}

struct HashParams {
  HashMethod method = HashMethod::random;
  std::int64_t top_k = 1;
};

void describe(Fields<HashParams>& f) {
  f.add("method", &HashParams::method).doc("a fixed random map of token ids, or the id modulo the experts");
  f.add("top_k", &HashParams::top_k).range(1, 65536).doc("experts per token");
}

class Hash final : public FixedChoice {
 public:
  Hash(const HashParams& params, Index num_experts)
      : FixedChoice(num_experts, params.top_k), method_(params.method) {}

 private:
  void choose(const RouterInput& input, Index t, DistinctDraw& draw,
              std::span<std::int32_t> chosen) const override {
    const std::uint32_t id = input.batch.token_id[static_cast<std::size_t>(t)];
    switch (method_) {
      case HashMethod::random: {
        const RandomKey key{.seed = input.seed, .stream = Stream::hash_router, .layer = input.layer};
        draw.draw(RandomSequence(key, id), chosen);
        break;
      }
      case HashMethod::modulo:
        for (std::size_t j = 0; j < chosen.size(); ++j) {
          chosen[j] =
              static_cast<std::int32_t>((static_cast<Index>(id) + static_cast<Index>(j)) % num_experts());
        }
        break;
    }
  }

  HashMethod method_;
};

}  // namespace

RouterFamily router_hash() {
  return {.name = "hash",
          .summary = "a token's experts are a fixed function of its id; nothing is learned",
          .origin = "Roller et al. 2021, arXiv:2106.04426",
          .fields = [] { return fields_of<HashParams>().infos(); },
          .make = make_fixed_choice<HashParams, Hash>};
}

}  // namespace moesim
