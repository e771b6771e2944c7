#include <gtest/gtest.h>

#include "io/npy.h"
#include "npy_fixture.h"
#include "temporary_folder.h"

namespace moesim {
namespace {

class NpyWhole : public TemporaryFolder {
 protected:
  template <class T>
  WholeTable read(const std::string& descr, const std::string& shape, const std::vector<T>& values) const {
    return read_npy_whole(
        put("ids.npy", make_npy({.dictionary = "{'descr': '" + descr +
                                               "', 'fortran_order': False, 'shape': " + shape + ", }",
                                 .data = bytes_of(values)})));
  }
};

TEST_F(NpyWhole, ReadsEveryWidth) {
  const std::vector<std::int64_t> wanted = {1, 2, 100};
  EXPECT_EQ((read<std::int8_t>("|i1", "(3,)", {1, 2, 100}).values), wanted);
  EXPECT_EQ((read<std::uint8_t>("|u1", "(3,)", {1, 2, 100}).values), wanted);
  EXPECT_EQ((read<std::int16_t>("<i2", "(3,)", {1, 2, 100}).values), wanted);
  EXPECT_EQ((read<std::uint16_t>("<u2", "(3,)", {1, 2, 100}).values), wanted);
  EXPECT_EQ((read<std::int32_t>("<i4", "(3,)", {1, 2, 100}).values), wanted);
  EXPECT_EQ((read<std::uint32_t>("<u4", "(3,)", {1, 2, 100}).values), wanted);
  EXPECT_EQ((read<std::int64_t>("<i8", "(3,)", {1, 2, 100}).values), wanted);
  EXPECT_EQ((read<std::uint64_t>("<u8", "(3,)", {1, 2, 100}).values), wanted);
}

TEST_F(NpyWhole, KeepsSignsAndShape) {
  const WholeTable table = read<std::int32_t>("<i4", "(2, 3)", {-1, 0, 2147483647, 4, -5, 6});
  EXPECT_EQ(table.rows, 2);
  EXPECT_EQ(table.cols, 3);
  EXPECT_EQ(table.values, (std::vector<std::int64_t>{-1, 0, 2147483647, 4, -5, 6}));
}

TEST_F(NpyWhole, RefusesFloatsAndNumbersBeyondInt64) {
  EXPECT_EQ(refusal_of([&] { read<float>("<f4", "(1,)", {1}); }).message,
            in_folder("ids.npy") +
                ": error: byte 20: descr is '<f4' (floating-point numbers); expected whole "
                "numbers such as '<i4' or '<i8' [npy-unsupported]");
  EXPECT_EQ(refusal_of([&] {
              read<std::uint64_t>("<u8", "(2,)", {7, 1ULL << 63});
            }).message,
            in_folder("ids.npy") +
                ": error: row 1, column 0 (from 0): the value is 9223372036854775808; "
                "expected at most 9223372036854775807 [out-of-range]");
}

TEST_F(NpyWhole, TheHeaderOfAnyElementIsNumpys) {
  const std::string header = npy_header({"|b1", 5, 2, ""});
  EXPECT_EQ(header.size() % 64, 0U);
  EXPECT_EQ(parse_npy_header(npy_header({"<i4", 5, 2, ""}) + std::string(40, '\0'), 168, "x.npy",
                             NpyAccepts::whole_numbers)
                .rows,
            5);
  EXPECT_NE(header.find("{'descr': '|b1', 'fortran_order': False, 'shape': (5, 2), }"), std::string::npos);
}

}  // namespace
}  // namespace moesim
