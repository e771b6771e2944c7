#include "core/system_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace moesim {
namespace {

const std::string kStat =
    "cpu  100 20 30 400 50 6 7 8 90 10\n"
    "cpu0 50 10 15 200 25 3 3 4 0 0\n"
    "intr 12345 0 1\n";

TEST(SystemText, ReadsTheTimesOfTheProcessors) {
  const auto times = parse_cpu_times(kStat);
  ASSERT_TRUE(times);
  EXPECT_EQ(times->total, 100u + 20 + 30 + 400 + 50 + 6 + 7 + 8);  // guest time is in user and nice already
  EXPECT_EQ(times->idle, 450u);
  EXPECT_EQ(times->steal, 8u);
  const auto old = parse_cpu_times("cpu 1 2 3 4\n");  // before Linux 2.5.41
  ASSERT_TRUE(old);
  EXPECT_EQ(old->total, 10u);
  EXPECT_EQ(old->idle, 4u);
  EXPECT_EQ(old->steal, 0u);
}

TEST(SystemText, TrustsNoTimes) {
  for (const char* text : {"", "cpu", "cpu ", "cpu0 1 2 3 4 5", "cpu 1 2 3", "cpu a b c d", "cpu 1 2 3 -4 5",
                           "cpu 1 2 3 4x 5", "cpu 18446744073709551615 1 0 0",
                           "cpu 18446744073709551616 0 0 0", "\ncpu 1 2 3 4", "cpu 1.5 2 3 4"}) {
    EXPECT_FALSE(parse_cpu_times(text)) << text;
  }
}

TEST(SystemText, ReadsQuotas) {
  EXPECT_EQ(parse_quota("150000 100000\n"), 1.5);
  EXPECT_EQ(parse_quota("50000 100000"), 0.5);
  for (const char* text :
       {"", "max 100000", "-1 100000", "100000", "1 0", "0 1", "1 2 3", "nan 1", "inf 1", "1e9 1", "1 x",
        "1..2 3", "99999999999999999999999999999999999999999999999999999999999999999999 1"}) {
    EXPECT_FALSE(parse_quota(text)) << text;
  }
}

TEST(SystemText, ReadsSizes) {
  EXPECT_EQ(parse_size("48K\n"), 48u * 1024);
  EXPECT_EQ(parse_size("32M"), 32u << 20);
  EXPECT_EQ(parse_size("1G"), 1u << 30);
  EXPECT_EQ(parse_size("512"), 512u);
  for (const char* text : {"", "K", "-1K", "12KB", "1 K", "k", "1.5M", "99999999999999999999",
                           "18446744073709551615K", "\n48K"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(SystemText, ReadsCounters) {
  const std::string text = "nr_periods 10\nnr_throttled 3\nthrottled_usec 99\n";
  EXPECT_EQ(parse_counter(text, "nr_throttled"), 3u);
  EXPECT_FALSE(parse_counter(text, "nr"));
  EXPECT_FALSE(parse_counter("nr_throttled -3", "nr_throttled"));
  EXPECT_FALSE(parse_counter("nr_throttled 3 4", "nr_throttled"));
  EXPECT_FALSE(parse_counter("nr_throttled", "nr_throttled"));
  EXPECT_FALSE(parse_counter("\n\n\n", "nr_throttled"));
  EXPECT_EQ(parse_counter("\n\nnr_throttled\t7", "nr_throttled"), 7u);
}

TEST(SystemText, ReadsTheMarkedWord) {
  EXPECT_EQ(parse_marked_word("always [madvise] never\n"), "madvise");
  EXPECT_EQ(parse_marked_word("[always] madvise never"), "always");
  for (const char* text : {"", "[]", "always", "[ always ]", "always madvise]", "x\n[always]"}) {
    EXPECT_EQ(parse_marked_word(text), "") << text;
  }
}

TEST(SystemText, ReadsLoadAndPressure) {
  const auto load = parse_load_average("0.52 0.58 0.59 3/1234 4242\n");
  ASSERT_TRUE(load);
  EXPECT_EQ(load->last_minute, 0.52);
  EXPECT_EQ(load->running, 3u);
  for (const char* text : {"", "0.5", "a b c 1/2 3", "-1 0 0 1/2", "0.5 0 0 /2", "nan 0 0 1/2"}) {
    EXPECT_FALSE(parse_load_average(text)) << text;
  }
  EXPECT_EQ(parse_pressure("some avg10=12.50 avg60=1.00 avg300=0.00 total=1\nfull avg10=0.00\n"), 0.125);
  for (const char* text : {"", "full avg10=1.00", "some", "some avg10=", "some avg10=-1", "some avg10=101",
                           "some avg60=1.00", "some avg10=nan"}) {
    EXPECT_FALSE(parse_pressure(text)) << text;
  }
}

TEST(SystemText, AnyBytesAreRead) {
  std::string bytes;
  for (int i = 0; i < 4096; ++i) {
    bytes.push_back(static_cast<char>(i * 37 % 256));
  }
  const std::string nothing(100, '\0');
  for (const std::string& text : {bytes, nothing, std::string(70000, '['), std::string(70000, ' ')}) {
    EXPECT_FALSE(parse_cpu_times(text));
    EXPECT_FALSE(parse_quota(text));
    EXPECT_FALSE(parse_size(text));
    EXPECT_FALSE(parse_load_average(text));
    EXPECT_FALSE(parse_pressure(text));
    EXPECT_FALSE(parse_counter(text, "x"));
    EXPECT_EQ(parse_marked_word(text), "");
  }
}

TEST(SystemText, AFileThatIsNotThereIsEmpty) {
  EXPECT_EQ(small_file("/nonexistent/file"), "");
  EXPECT_EQ(small_file("/"), "");
  EXPECT_EQ(small_file("/dev/zero").size(), std::size_t{64} << 10);
}

}  // namespace
}  // namespace moesim
