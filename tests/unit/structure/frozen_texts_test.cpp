// The built-in texts are test data: results of the quickstart are quoted, so the texts may not change
// unnoticed.

#include <gtest/gtest.h>

#include "core/hash.h"
#include "core/text.h"
#include "io/assets.h"

namespace moesim {
namespace {

TEST(FrozenTexts, HaveTheirPinnedHashes) {
  const std::pair<const char*, const char*> pinned[] = {{"text/english.txt", "abf812cec25ed165"},
                                                        {"text/korean.txt", "8af97f288d5e89b4"},
                                                        {"text/code.txt", "39f668bcff23e4df"}};
  for (const auto& [path, hash] : pinned) {
    const Asset* asset = find_asset(path);
    ASSERT_NE(asset, nullptr) << path;
    EXPECT_EQ(to_hex(hash64(asset->bytes)), hash) << path;
    EXPECT_GE(asset->bytes.size(), 30000u) << path;
    EXPECT_EQ(find_invalid_utf8(asset->bytes), asset->bytes.size()) << path;
  }
}

}  // namespace
}  // namespace moesim
