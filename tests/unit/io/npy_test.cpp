#include "io/npy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <limits>

#include "io/files.h"
#include "npy_fixture.h"
#include "temporary_folder.h"

namespace moesim {
namespace {

using namespace std::string_literals;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

class Npy : public TemporaryFolder {
 protected:
  static std::vector<float> read_all(const std::string& path) {
    const NpyFile file(path);
    std::vector<float> numbers(static_cast<std::size_t>(file.header().rows * file.header().cols));
    file.read_rows(0, {numbers.data(), file.header().rows, file.header().cols});
    return numbers;
  }
  std::string put_floats(const std::string& shape, const std::vector<float>& values) const {
    return put("x.npy",
               make_npy({.dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }",
                         .data = bytes_of(values)}));
  }
};

// What numpy.save of NumPy 1.24.2 writes for np.array([[1, 2], [3, 4.5], [-1, 0]], "<f4").
const std::string kFixture =
    "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }"s +
    std::string(58, ' ') +
    "\n\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40\x00\x00\x90\x40\x00\x00\x80\xbf\x00\x00\x00\x00"s;

TEST_F(Npy, ReadsFloat32) {
  EXPECT_EQ(read_all(put("x.npy", kFixture)), (std::vector<float>{1, 2, 3, 4.5, -1, 0}));
}

TEST_F(Npy, ReadsFloat64AndVersions) {
  // np.array([1.5, 2, -3e-5], "<f8"), version 1.0.
  const std::string header =
      "\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }"s +
      std::string(60, ' ') + "\n";
  ASSERT_EQ(header.size(), 128u);
  EXPECT_EQ(read_all(put("x.npy", header + bytes_of<double>({1.5, 2, -3e-5}))),
            (std::vector<float>{1.5f, 2.0f, -3e-5f}));
  for (const int version : {2, 3}) {
    EXPECT_EQ(
        read_all(put("x.npy", make_npy({.major = version, .data = bytes_of<float>({1, 2, 3, 4, 5, 6})}))),
        (std::vector<float>{1, 2, 3, 4, 5, 6}));
  }
}

TEST_F(Npy, WritesWhatNumpyWrites) {
  Matrix matrix(3, 2);
  std::copy_n(std::vector<float>{1, 2, 3, 4.5, -1, 0}.begin(), 6, matrix.data());
  write_npy(in_folder("x.npy"), matrix.view());
  EXPECT_EQ(contents(in_folder("x.npy")), kFixture);
  EXPECT_EQ(names(), std::vector<std::string>{"x.npy"});
}

TEST_F(Npy, RoundTrips) {
  rc::check("what was written is read", [&] {
    const Index rows = *rc::gen::inRange<Index>(0, 20);
    const Index cols = *rc::gen::inRange<Index>(1, 20);
    Matrix matrix(rows, cols);
    const auto values = *rc::gen::container<std::vector<float>>(static_cast<std::size_t>(rows * cols),
                                                                rc::gen::arbitrary<float>());
    std::copy(values.begin(), values.end(), matrix.data());
    write_npy(in_folder("x.npy"), matrix.view());
    const NpyFile file(in_folder("x.npy"));
    RC_ASSERT(file.header().rows == rows);
    RC_ASSERT(file.header().cols == cols);
    RC_ASSERT(file.header().data_offset % 64 == 0u);
    RC_ASSERT(read_all(in_folder("x.npy")) == values);
  });
}

TEST_F(Npy, ReadsSlicesOfRows) {
  std::vector<float> values(200'000);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i);
  }
  const std::vector<double> doubles(values.begin(), values.end());
  const std::string narrow = put_floats("(50000, 4)", values);
  const std::string wide = put("wide.npy", make_npy({.dictionary = "{'descr': '<f8', 'fortran_order': False, "
                                                                   "'shape': (50000, 4), }",
                                                     .data = bytes_of(doubles)}));
  for (const std::string& path : {narrow, wide}) {
    const NpyFile file(path);
    Matrix slice(30'000, 4);  // longer than what is converted at once
    file.read_rows(20'000, slice.view());
    EXPECT_TRUE(std::equal(slice.data(), slice.data() + 120'000, values.begin() + 80'000));
    file.read_rows(49'999, slice.view().block(0, 1));
    EXPECT_EQ(slice.row(0)[3], 199'999.0f);
    file.read_rows(50'000, slice.view().block(0, 0));
  }
}

TEST_F(Npy, RowsThatAreNotThereAreAMistakeOfTheProgram) {
  const NpyFile file(put("x.npy", kFixture));
  Matrix rows(3, 2);
  Matrix narrow(1, 1);
  EXPECT_EQ(refusal_of([&] { file.read_rows(1, rows.view()); }).kind, ErrorKind::internal);
  EXPECT_EQ(refusal_of([&] { file.read_rows(-1, rows.view().block(0, 1)); }).kind, ErrorKind::internal);
  EXPECT_EQ(refusal_of([&] { file.read_rows(std::numeric_limits<Index>::max(), rows.view()); }).kind,
            ErrorKind::internal);
  EXPECT_TRUE(refusal_of([&] { file.read_rows(0, narrow.view()); }).thrown);
}

TEST_F(Npy, NumbersThatAreNotFiniteAreNamed) {
  const auto message = [&](const std::string& rest) {
    return in_folder("x.npy") + ": error: " + rest + " [not-finite]";
  };
  const auto refused = [&](const std::string& path) {
    const Refusal refusal = refusal_of([&] { read_all(path); });
    EXPECT_EQ(refusal.kind, ErrorKind::bad_data);
    return refusal.message;
  };
  EXPECT_EQ(refused(put_floats("(3, 2)", {1, 2, 3, NAN, NAN, 6})),
            message("row 1, column 1 (from 0): the value is nan; expected a finite float32"));
  EXPECT_EQ(refused(put_floats("(6,)", {1, 2, 3, 4, -kInfinity, 6})),
            message("row 4, column 0 (from 0): the value is -inf; expected a finite float32"));
  const auto put_doubles = [&](const std::vector<double>& values) {
    return put("x.npy", make_npy({.dictionary = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3), }",
                                  .data = bytes_of(values)}));
  };
  EXPECT_EQ(refused(put_doubles({1, 2, -NAN})),
            message("row 0, column 2 (from 0): the value is nan; expected a finite float32"));
  EXPECT_EQ(refused(put_doubles({1, 1e300, 3})),
            message("row 0, column 1 (from 0): the value is 1e+300; expected a finite float32"));
  EXPECT_EQ(read_all(put_doubles({1e-300, 3.4028234663852886e38, -0.0}))[1], 3.4028234663852886e38f);
}

TEST_F(Npy, TheRowOfABadNumberIsCountedFromTheStartOfTheFile) {
  const NpyFile file(put_floats("(3, 2)", {1, 2, 3, 4, 5, kInfinity}));
  Matrix row(1, 2);
  file.read_rows(1, row.view());
  EXPECT_EQ(
      refusal_of([&] { file.read_rows(2, row.view()); }).message,
      in_folder("x.npy") +
          ": error: row 2, column 1 (from 0): the value is inf; expected a finite float32 [not-finite]");
}

TEST_F(Npy, AFileThatChangesIsRefused) {
  const std::string message =
      in_folder("x.npy") +
      ": error: the file changed while it was read; expected a file that nobody writes to "
      "[file-changed]";
  Matrix rows(3, 2);
  const auto refused = [&](auto change) {
    const std::string path = put("x.npy", kFixture);
    const NpyFile file(path);
    file.read_rows(0, rows.view());
    change(path);
    const Refusal refusal = refusal_of([&] { file.read_rows(0, rows.view()); });
    EXPECT_EQ(refusal.kind, ErrorKind::bad_data);
    return refusal.message;
  };
  EXPECT_EQ(refused([](const std::string& path) { EXPECT_EQ(::truncate(path.c_str(), 140), 0); }), message);
  EXPECT_EQ(refused([](const std::string& path) { EXPECT_EQ(::truncate(path.c_str(), 0), 0); }), message);
  EXPECT_EQ(refused([](const std::string& path) { EXPECT_EQ(::truncate(path.c_str(), 200), 0); }), message);
  EXPECT_EQ(refused([](const std::string& path) {
              const timespec times[2] = {{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 1, .tv_nsec = 5}};
              EXPECT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
            }),
            message);
}

TEST_F(Npy, AFileThatIsReplacedIsReadAsItWas) {
  const NpyFile file(put("x.npy", kFixture));
  write_file_atomically(in_folder("x.npy"), "something else");
  Matrix rows(3, 2);
  file.read_rows(0, rows.view());
  EXPECT_EQ(rows.row(1)[1], 4.5f);
}

TEST_F(Npy, OpensOnlyRegularFiles) {
  EXPECT_EQ(refusal_of([&] { NpyFile file(in_folder("none.npy")); }).message,
            in_folder("none.npy") +
                ": error: there is no such file; expected a file that can be read [file-missing]");
  const std::string fifo = in_folder("fifo.npy");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(refusal_of([&] { NpyFile file(fifo); }).message,
            fifo + ": error: this is a pipe; expected a regular file [not-a-file]");
  EXPECT_EQ(refusal_of([&] { NpyFile file("/dev/zero"); }).kind, ErrorKind::missing_input);
}

TEST_F(Npy, ErrorsInTheHeaderNameTheFile) {
  EXPECT_EQ(refusal_of([&] { NpyFile file(put("bad.npy", kFixture.substr(0, 150))); }).message,
            in_folder("bad.npy") +
                ": error: byte 128: 22 bytes of data follow; expected 3 x 2 numbers of 4 bytes [npy-length]");
}

TEST_F(Npy, AHugePromiseIsRefusedWithoutMemory) {
  const std::string path = put_floats("(1000000000000, 1000)", {});
  EXPECT_EQ(refusal_of([&] { NpyFile file(path); }).message,
            path +
                ": error: byte 128: 0 bytes of data follow; expected 1000000000000 x 1000 numbers of 4 bytes "
                "[npy-length]");
}

TEST_F(Npy, WritingFailsAsFilesDo) {
  Matrix matrix(100, 100);
  matrix.fill(0.0f);
  EXPECT_EQ(refusal_of([&] { write_npy("/dev/full", matrix.view()); }).message,
            "/dev/full: error: 0 of 40128 bytes could be written: No space left on device; expected room for "
            "all of "
            "them [write-failed]");
  EXPECT_EQ(refusal_of([&] { write_npy(in_folder("none/x.npy"), matrix.view()); }).kind,
            ErrorKind::cannot_create);
}

}  // namespace
}  // namespace moesim
