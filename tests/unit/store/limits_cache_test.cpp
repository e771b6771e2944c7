#include "store/limits_cache.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "io/files.h"
#include "io/row_format.h"
#include "support/limits.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

const LimitsKey kKey{"Example 9000", "avx512", "0.1.0 abcdef", 2};

TEST(LimitsCache, GivesBackWhatWasKept) {
  const TempFolder folder;
  const std::string path = folder.file("cache/moesim/limits.json");
  EXPECT_FALSE(read_cached_limits(path, kKey).limits);
  EXPECT_EQ(read_cached_limits(path, kKey).problem, "") << "nothing there is no problem";
  write_cached_limits(path, some_limits());
  const CachedLimits cached = read_cached_limits(path, kKey);
  ASSERT_TRUE(cached.limits) << cached.problem;
  EXPECT_EQ(render_row(flatten(*cached.limits), Format::json),
            render_row(flatten(some_limits()), Format::json));
}

TEST(LimitsCache, LimitsOfOthersAreNotUsed) {
  const TempFolder folder;
  const std::string path = folder.file("limits.json");
  write_cached_limits(path, some_limits());
  for (const LimitsKey& key :
       {LimitsKey{"Other", "avx512", "0.1.0 abcdef", 2}, LimitsKey{"Example 9000", "avx2", "0.1.0 abcdef", 2},
        LimitsKey{"Example 9000", "avx512", "0.2.0", 2},
        LimitsKey{"Example 9000", "avx512", "0.1.0 abcdef", 1}}) {
    const CachedLimits cached = read_cached_limits(path, key);
    EXPECT_FALSE(cached.limits);
    EXPECT_NE(cached.problem.find("measured"), std::string::npos) << cached.problem;
  }
}

TEST(LimitsCache, ADamagedFileIsAProblemInWords) {
  const TempFolder folder;
  const std::string path = folder.file("limits.json");
  const std::string good = render_row(flatten(some_limits()), Format::json);
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[]"), std::string("null"), std::string("{\"schema\":"),
        std::string("\0\xff\xfe", 3), std::string(100000, '['), "[" + good + "]",
        good.substr(0, good.size() / 2), std::string(std::size_t{2} << 20, ' ')}) {
    std::ofstream(path, std::ios::binary) << text;
    const CachedLimits cached = read_cached_limits(path, kKey);
    EXPECT_FALSE(cached.limits);
    EXPECT_NE(cached.problem, "");
  }
  const CachedLimits of_a_folder = read_cached_limits(folder.path(), kKey);
  EXPECT_FALSE(of_a_folder.limits);
  EXPECT_NE(of_a_folder.problem, "");
}

TEST(LimitsCache, AnyChangedByteIsReadOrRefusedButNeverThrows) {
  const TempFolder folder;
  const std::string path = folder.file("limits.json");
  const std::string good = render_row(flatten(some_limits()), Format::json);
  int refused = 0;
  for (std::size_t i = 0; i < good.size(); i += 3) {
    std::string text = good;
    text[i] = static_cast<char>(text[i] ^ 0x15);
    std::ofstream(path, std::ios::binary) << text;
    CachedLimits cached;
    ASSERT_NO_THROW(cached = read_cached_limits(path, kKey));
    refused += cached.limits ? 0 : 1;
  }
  EXPECT_GT(refused, static_cast<int>(good.size() / 3 / 2));
}

TEST(LimitsCache, WhereItCannotBeKeptIsAnError) {
  EXPECT_THROW(write_cached_limits("", some_limits()), Error);
  EXPECT_THROW(write_cached_limits("/proc/moesim/limits.json", some_limits()), Error);
}

}  // namespace
}  // namespace moesim
