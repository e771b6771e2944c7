#include "router/select.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <numeric>

#include "router/kernels/choose.h"

namespace moesim {
namespace {

constexpr EnumName<GroupScore> kGroupScores[] = {
    {GroupScore::max, "max"},
    {GroupScore::sum_top_2, "sum_top_2"},
    {GroupScore::sum_top_k_over_groups, "sum_top_k_over_groups"}};
constexpr EnumName<Select> kSelects[] = {{Select::top_k, "top_k"},
                                         {Select::top_p, "top_p"},
                                         {Select::threshold, "threshold"},
                                         {Select::positive, "positive"}};
constexpr EnumName<MaskFill> kMaskFills[] = {{MaskFill::neg_inf, "neg_inf"}, {MaskFill::zero, "zero"}};

// order[0…count) becomes the indices of the highest values, best first. A total order: the result does not
// depend on the library's algorithm.
template <class Value>
void best_first(std::span<const Value> values, std::size_t count, std::vector<std::int32_t>& order) {
  order.resize(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [values](std::int32_t a, std::int32_t b) {
                      const Value x = values[static_cast<std::size_t>(a)];
                      const Value y = values[static_cast<std::size_t>(b)];
                      return x > y || (x == y && a < b);
                    });
}

// In double: the sum of two floats is exact, so that no ties arise from rounding.
double sum_of_best(std::span<const float> group, Index summed, std::vector<float>& members) {
  if (summed <= 2) {  // as nearly all models have it
    float first = -std::numeric_limits<float>::infinity();
    float second = first;
    for (const float value : group) {
      second = std::max(second, std::min(first, value));
      first = std::max(first, value);
    }
    return summed == 2 ? static_cast<double>(first) + static_cast<double>(second) : first;
  }
  members.assign(group.begin(), group.end());
  const auto end = members.begin() + summed;
  std::partial_sort(members.begin(), end, members.end(), std::greater<>());
  return std::accumulate(members.begin(), end, 0.0);
}

// How many of the experts in `order`, best first, are kept before the sum of their scores exceeds top_p.
// Those of excluded groups are never reached, even where the others' sum stays below.
std::size_t count_top_p(double top_p, std::span<const float> selection, std::span<const float> scores,
                        const std::vector<std::int32_t>& order) {
  constexpr float kExcluded = -std::numeric_limits<float>::infinity();
  double sum = 0.0;
  std::size_t count = 0;
  while (count < order.size() && sum <= top_p &&
         selection[static_cast<std::size_t>(order[count])] != kExcluded) {
    sum += scores[static_cast<std::size_t>(order[count++])];
  }
  return count;
}

std::size_t count_above(double threshold, std::span<const float> selection) {
  return static_cast<std::size_t>(std::count_if(selection.begin(), selection.end(),
                                                [threshold](float score) { return score > threshold; }));
}

// Whether a value behind the first `count` of the order equals the last of them.
bool rest_holds_equal(std::span<const float> values, std::size_t count,
                      const std::vector<std::int32_t>& order) {
  const auto rest = order.begin() + static_cast<std::ptrdiff_t>(count);
  return count > 0 && std::any_of(rest, order.end(), [&](std::int32_t e) {
           return values[static_cast<std::size_t>(e)] == values[static_cast<std::size_t>(order[count - 1])];
         });
}

}  // namespace

std::span<const EnumName<Select>> enum_names(Select) {
  return kSelects;
}

std::span<const EnumName<GroupScore>> enum_names(GroupScore) {
  return kGroupScores;
}

std::span<const EnumName<MaskFill>> enum_names(MaskFill) {
  return kMaskFills;
}

void limit_groups(const GroupLimits& limits, std::span<float> scores, SelectScratch& scratch) {
  if (limits.kept_groups == limits.num_groups) {
    return;
  }
  const auto num_groups = static_cast<std::size_t>(limits.num_groups);
  const std::size_t size = scores.size() / num_groups;
  scratch.group_scores.resize(num_groups);
  for (std::size_t g = 0; g < num_groups; ++g) {
    scratch.group_scores[g] = sum_of_best(scores.subspan(g * size, size), limits.summed, scratch.members);
  }
  best_first<double>(scratch.group_scores, static_cast<std::size_t>(limits.kept_groups), scratch.order);
  const float fill = limits.fill == MaskFill::zero ? 0.0F : -std::numeric_limits<float>::infinity();
  for (std::size_t i = static_cast<std::size_t>(limits.kept_groups); i < num_groups; ++i) {
    const auto excluded = scores.subspan(static_cast<std::size_t>(scratch.order[i]) * size, size);
    std::fill(excluded.begin(), excluded.end(), fill);
  }
}

bool select_top_k(std::span<const float> scores, std::span<std::int32_t> chosen, SelectScratch& scratch) {
  if (chosen.empty()) {
    return false;
  }
  const TopK found =
      row_kernels().top_k(scores.data(), std::ssize(scores), std::ssize(chosen), chosen.data());
  if (found != TopK::undecided) {
    return found == TopK::tied;
  }
  best_first<float>(scores, chosen.size(), scratch.order);
  std::copy_n(scratch.order.begin(), chosen.size(), chosen.begin());
  return rest_holds_equal(scores, chosen.size(), scratch.order);
}

void select_experts(const SelectRule& rule, std::span<const float> selection, std::span<const float> scores,
                    SelectScratch& scratch) {
  std::size_t count = 0;
  switch (rule.select) {
    case Select::top_k:
      scratch.chosen.resize(static_cast<std::size_t>(rule.top_k));
      scratch.tied = select_top_k(selection, scratch.chosen, scratch);
      return;
    case Select::top_p:
      best_first<float>(selection, selection.size(), scratch.order);
      count = count_top_p(rule.top_p, selection, scores, scratch.order);
      break;
    case Select::threshold:
    case Select::positive:
      count = count_above(rule.select == Select::positive ? 0.0 : rule.threshold, selection);
      best_first<float>(selection, count, scratch.order);
      break;
  }
  scratch.chosen.assign(scratch.order.begin(), scratch.order.begin() + static_cast<std::ptrdiff_t>(count));
  scratch.tied = rest_holds_equal(selection, count, scratch.order);
}

}  // namespace moesim
