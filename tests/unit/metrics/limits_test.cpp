#include "metrics/limits.h"

#include <gtest/gtest.h>

#include <limits>

namespace moesim {
namespace {

MachineLimits some_limits() {
  MachineLimits limits;
  limits.processor = "Example 9000";
  limits.instructions = "avx512";
  limits.version = "0.1.0 abcdef";
  limits.measured_at = "2026-01-02T03:04:05Z";
  limits.threads = 2;
  limits.flops_one = {1e11, 9e10, 1.1e11};
  limits.flops_all = {2e11, 1.8e11, 2.1e11};
  limits.scaling = {2.0, 1.9, 2.0};
  limits.reads = {{1, 49152, {2e11, 2e11, 2e11}, {4e11, 4e11, 4e11}},
                  {2, 2097152, {1e11, 1e11, 1e11}, {2e11, 2e11, 2e11}},
                  {0, 1073741824, {1e10, 1e10, 1e10}, {1.25e10, 1e10, 2e10}}};
  limits.gate = {{8, 0.5}, {128, 0.75}};
  limits.combine = 0.5;
  limits.norm = 0.4;
  limits.join_seconds = 3e-6;
  limits.layouts = {{"tiled/avx512/float32", {{1, 0.25}, {8, 0.75}, {64, 0.95}}, 0.0025, 20, 2.5, 0.3},
                    {"tiled/avx512/int8", {{1, 0.125}}, 0.0025, 0, 1, 0.3}};
  return limits;
}

TEST(Limits, ComeBackFromTheirRow) {
  const FlatRow row = flatten(some_limits());
  const std::optional<MachineLimits> back = limits_from(row);
  ASSERT_TRUE(back);
  const FlatRow again = flatten(*back);
  ASSERT_EQ(again.size(), row.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    EXPECT_EQ(again[i].name, row[i].name);
    EXPECT_EQ(again[i].value, row[i].value) << row[i].name;
  }
  EXPECT_NE(back->find_layout("tiled/avx512/int8"), nullptr);
  EXPECT_EQ(back->find_layout("tiled/avx512/bf16"), nullptr);
  EXPECT_EQ(back->cache_read(), 2e11);
}

TEST(Limits, AreNotBelievedWhereAnyEntryIsMissingOrOfAnotherKind) {
  const FlatRow row = flatten(some_limits());
  for (std::size_t i = 0; i < row.size(); ++i) {
    // Without the first share of a list the rest is still a list.
    const bool in_a_list =
        row[i].name.find("product.") != std::string::npos || row[i].name.substr(0, 5) == "gate.";
    FlatRow shorter = row;
    shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(i));
    if (!in_a_list) {
      EXPECT_FALSE(limits_from(shorter)) << row[i].name;
    }
    for (const FlatValue& value :
         {FlatValue(), FlatValue(true), FlatValue(-1.0), FlatValue(std::int64_t{-1}),
          FlatValue(std::numeric_limits<double>::quiet_NaN()), FlatValue(1e300),
          FlatValue(std::numeric_limits<std::int64_t>::max()), FlatValue(std::string(5000, 'x'))}) {
      FlatRow other = row;
      other[i].value = value;
      EXPECT_FALSE(limits_from(other)) << row[i].name;
    }
    FlatRow renamed = row;
    renamed[i].name += "x";
    EXPECT_FALSE(limits_from(renamed)) << row[i].name;
    FlatRow twice = row;
    twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(i), row[i]);
    EXPECT_FALSE(limits_from(twice)) << row[i].name;
  }
  FlatRow longer = row;
  longer.push_back({"more", 1.0});
  EXPECT_FALSE(limits_from(longer));
  EXPECT_FALSE(limits_from({}));
}

TEST(Limits, AreNotBelievedWhereAnIntervalOrAListIsOutOfOrder) {
  MachineLimits limits = some_limits();
  limits.flops_all = {2e11, 2.1e11, 1.8e11};
  EXPECT_FALSE(limits_from(flatten(limits)));
  limits = some_limits();
  std::swap(limits.layouts[0].products[0], limits.layouts[0].products[1]);
  EXPECT_FALSE(limits_from(flatten(limits)));
  limits = some_limits();
  limits.layouts.clear();
  EXPECT_FALSE(limits_from(flatten(limits)));
  limits = some_limits();
  limits.reads.clear();
  EXPECT_FALSE(limits_from(flatten(limits)));
}

TEST(ReadSpeed, LiesBetweenTheMeasuredSizes) {
  const MachineLimits limits = some_limits();
  EXPECT_EQ(read_speed(limits, 1), 4e11);
  EXPECT_EQ(read_speed(limits, 49152), 4e11);
  EXPECT_NEAR(read_speed(limits, 2097152), 2e11, 1);
  EXPECT_EQ(read_speed(limits, 1e15), 1.25e10);
  EXPECT_EQ(read_speed(limits, 1e15, true), 1e10);
  double last = 1e18;
  for (double bytes = 1e3; bytes < 1e11; bytes *= 1.5) {
    const double speed = read_speed(limits, bytes);
    EXPECT_LE(speed, last * (1 + 1e-12)) << bytes;
    last = speed;
  }
  EXPECT_EQ(read_speed({}, 1e6), 0);
}

}  // namespace
}  // namespace moesim
