#include <algorithm>
#include <cmath>

#include "oracle/drops.h"

namespace moesim::testing {
namespace {

// Python's round(): to the nearest whole number, halves to the even one.
double python_round(double x) {
  const double down = std::floor(x);
  const double rest = x - down;
  if (rest < 0.5) {
    return down;
  }
  if (rest > 0.5) {
    return down + 1;
  }
  return std::fmod(down, 2.0) == 0 ? down : down + 1;
}

}  // namespace

long naive_capacity(const NaiveRule& rule, long tokens, long top_k, long experts, long max_load) {
  const double cf = rule.factor;
  const std::string& f = rule.formula;
  const double t = static_cast<double>(tokens);
  const double e = static_cast<double>(experts);
  double rows = 0;
  if (f == "deepspeed") {
    const float share = static_cast<float>(t / e);
    const float factor = static_cast<float>(cf * static_cast<double>(top_k));
    volatile float product = share * factor;
    rows = std::ceil(product);
  } else if (f == "fairscale") {
    rows = static_cast<double>(2 * tokens / experts);
  } else if (f == "fastmoe" && top_k == 1) {
    rows = std::ceil(cf * t / e);
  } else if (f == "fastmoe") {
    rows = static_cast<double>(static_cast<long>(std::ceil(cf * t)) * top_k / experts);
  } else if (f == "flaxformer") {
    rows = python_round(cf * t / e);
  } else if (f == "gshard") {
    rows = std::trunc(t * cf / e);
    if (rule.min < 0 && rule.multiple_of < 0) {  // as it stands there: 0 becomes 4, then up in steps of 1
      rows = rows == 0 ? 4 : rows;
      while (std::fmod(rows, 4.0) != 0) {
        ++rows;
      }
    }
  } else if (f == "maxtext") {
    rows = std::trunc(std::fmax(std::ceil(static_cast<double>(tokens * top_k) / e) * cf, cf));
  } else if (f == "megablocks") {
    rows = std::trunc(cf * (static_cast<double>(top_k * tokens) / e));
    rows = rows == 0 ? static_cast<double>(max_load) : rows;
  } else if (f == "megatron") {
    rows = std::ceil(static_cast<double>(tokens * top_k) / e * cf);
  } else if (f == "nllb") {
    rows = cf > 0 ? std::ceil(cf * t) : 2 * std::ceil(t / e);
  } else if (f == "switch") {
    rows = std::fmin(t, std::trunc(t * cf / e));
  } else if (f == "tutel") {
    const double k = static_cast<double>(std::min(top_k, experts));
    const double wanted = k * std::trunc(cf * std::ceil(t / e));
    const double most = static_cast<double>(max_load);
    rows = cf == 0 ? most : rule.at_most_load ? std::fmin(most, wanted) : wanted;
  } else if (f == "vmoe") {
    const double exact = static_cast<double>(tokens * top_k) * cf / e;
    rows = rule.rounding == "ceil" ? std::ceil(exact) : python_round(exact);
  }
  const bool has_min = f == "deepspeed" || f == "flaxformer" || f == "gshard" || f == "switch";
  const long min = rule.min >= 0 ? rule.min : has_min ? 4 : 0;
  const long step = rule.multiple_of > 0 ? rule.multiple_of : f == "gshard" || f == "vmoe" ? 4 : 1;
  long capacity = std::max(static_cast<long>(rows), min);
  while (capacity % step != 0) {
    ++capacity;
  }
  return capacity;
}

}  // namespace moesim::testing
