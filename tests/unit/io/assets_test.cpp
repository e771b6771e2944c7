#include "io/assets.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace moesim {
namespace {

TEST(FindAsset, KnowsOnlyExactPaths) {
  ASSERT_NE(find_asset("text/english.txt"), nullptr);
  EXPECT_EQ(find_asset("text/english.txt")->path, "text/english.txt");
  for (const char* path : {"", "text", "text/", "english.txt", "/text/english.txt", "text//english.txt",
                           "text/../text/english.txt", "TEXT/ENGLISH.TXT", "text/english.txt/"}) {
    EXPECT_EQ(find_asset(path), nullptr) << path;
  }
}

TEST(Assets, AreTheFilesByteForByteAndEachOnce) {
  std::set<std::string_view> seen;
  for (const Asset& asset : assets()) {
    EXPECT_TRUE(seen.insert(asset.path).second) << asset.path;
    std::ifstream file(MOESIM_SOURCE_DIR "/configs/" + std::string(asset.path), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(asset.bytes, bytes) << asset.path;
    EXPECT_FALSE(bytes.empty()) << asset.path;
  }
}

}  // namespace
}  // namespace moesim
