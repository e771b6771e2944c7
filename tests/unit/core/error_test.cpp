#include "core/error.h"

#include <gtest/gtest.h>

namespace moesim {
namespace {

TEST(Error, CarriesKindMessageAndHelp) {
  const Error error(ErrorKind::usage, "error: no command [no-command]", "moesim run quickstart");
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_STREQ(error.what(), "error: no command [no-command]");
  EXPECT_EQ(error.help(), "moesim run quickstart");
  EXPECT_EQ(Error(ErrorKind::usage, "x").help(), "");
}

TEST(Error, KindsAreTheExitStatuses) {
  EXPECT_EQ(static_cast<int>(ErrorKind::check_failed), 1);
  EXPECT_EQ(static_cast<int>(ErrorKind::usage), 64);
  EXPECT_EQ(static_cast<int>(ErrorKind::bad_data), 65);
  EXPECT_EQ(static_cast<int>(ErrorKind::missing_input), 66);
  EXPECT_EQ(static_cast<int>(ErrorKind::internal), 70);
  EXPECT_EQ(static_cast<int>(ErrorKind::out_of_memory), 71);
  EXPECT_EQ(static_cast<int>(ErrorKind::cannot_create), 73);
  EXPECT_EQ(static_cast<int>(ErrorKind::write_failed), 74);
  EXPECT_EQ(static_cast<int>(ErrorKind::config), 78);
  EXPECT_EQ(static_cast<int>(ErrorKind::interrupted), 130);
}

TEST(ThrowInternal, NamesThePlaceInTheSource) {
  try {
    throw_internal("/somewhere/else/src/core/x.cpp", 7, "rows differ");
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "error: rows differ (src/core/x.cpp:7) [internal]");
    EXPECT_EQ(error.kind(), ErrorKind::internal);
    EXPECT_EQ(error.help(),
              "this is a mistake in moesim, not in your input; please report it with the command you typed");
  }
  EXPECT_THROW(throw_internal("x.cpp", 1, "m"), Error);
}

TEST(Check, ThrowsOnlyWhenItFails) {
  EXPECT_NO_THROW(MOESIM_CHECK(1 + 1 == 2, "arithmetic"));
  EXPECT_THROW(MOESIM_CHECK(1 + 1 == 3, "arithmetic"), Error);
}

}  // namespace
}  // namespace moesim
