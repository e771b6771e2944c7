#include "metrics/limits.h"

#include <gtest/gtest.h>

#include <limits>

#include "support/limits.h"

namespace moesim {
namespace {

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
