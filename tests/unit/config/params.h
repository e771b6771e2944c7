#pragma once
// A described struct with a field of every kind, for the tests of fields and binder.

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "config/fields.h"

namespace moesim {

enum class Score { softmax, sigmoid, relu };
inline std::span<const EnumName<Score>> enum_names(Score) {
  static constexpr EnumName<Score> kNames[] = {
      {Score::softmax, "softmax"}, {Score::sigmoid, "sigmoid"}, {Score::relu, "relu"}};
  return kNames;
}

struct Params {
  std::int64_t top_k = 2;
  std::int64_t threads = 0;
  std::uint64_t seed = 42;
  double top_p = 0.5;
  double scale = 1.0;
  bool route_norm = true;
  Score score_func = Score::softmax;
  std::string name = "x";
  std::vector<std::string> files;
  std::vector<double> mixture = {0.5, 1};
  std::int64_t width = 0;
};

inline void describe(Fields<Params>& f) {
  f.add("top_k", &Params::top_k).range(1, 8).doc("experts per token");
  f.add("threads", &Params::threads).word("auto", 0).range(1, 64).doc("threads");
  f.add("seed", &Params::seed).doc("seed");
  f.add("top_p", &Params::top_p)
      .range(0.0, 1.0)
      .only_when([](const Params& p) { return p.score_func == Score::sigmoid; }, "score_func is not sigmoid");
  f.add("scale", &Params::scale);
  f.add("route_norm", &Params::route_norm);
  f.add("score_func", &Params::score_func);
  f.add("name", &Params::name);
  f.add("files", &Params::files);
  f.add("mixture", &Params::mixture);
  f.add("width", &Params::width)
      .required()
      .range(1, std::numeric_limits<std::int64_t>::max())
      .word("none", 0)
      .doc("width of a token's vector");
}

}  // namespace moesim
