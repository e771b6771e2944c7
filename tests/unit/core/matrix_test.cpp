#include "core/matrix.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "core/build_info.h"
#include "core/error.h"

namespace moesim {
namespace {

TEST(Matrix, IsRowMajorAndAligned) {
  Matrix matrix(3, 5);
  matrix.fill(1.0f);
  matrix.row(1)[4] = 7.0f;
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(matrix.data()) % 64, 0u);
  EXPECT_EQ(matrix.data()[9], 7.0f);
  EXPECT_EQ(matrix.row(2).size(), 5u);
  EXPECT_EQ(matrix.view().block(1, 2).row(0)[4], 7.0f);
  EXPECT_EQ(std::as_const(matrix).view().block(1, 1).rows, 1);
  EXPECT_EQ(MatrixView(matrix.view()).data, matrix.data());
}

TEST(Matrix, KeepsItsMemoryWhenThatIsEnough) {
  Matrix matrix(10, 10);
  const float* before = matrix.data();
  matrix.resize(4, 25);
  EXPECT_EQ(matrix.data(), before);
  matrix.resize(1, 1);
  matrix.resize(100, 1);
  EXPECT_EQ(matrix.data(), before);
  EXPECT_EQ(matrix.rows(), 100);
  EXPECT_EQ(matrix.cols(), 1);
}

TEST(Matrix, MayBeEmpty) {
  Matrix matrix;
  EXPECT_EQ(matrix.rows() + matrix.cols(), 0);
  matrix.fill(1.0f);
  matrix.resize(0, 7);
  EXPECT_EQ(matrix.cols(), 7);
  EXPECT_EQ(matrix.clone().cols(), 7);
  matrix.resize(Index{1} << 62, 0);
  EXPECT_EQ(matrix.rows(), Index{1} << 62);
}

TEST(Matrix, CloneIsIndependent) {
  Matrix matrix(2, 2);
  matrix.fill(3.0f);
  Matrix copy = matrix.clone();
  matrix.fill(4.0f);
  EXPECT_EQ(copy.row(1)[1], 3.0f);
  EXPECT_EQ(copy.rows(), 2);
}

TEST(Matrix, MovedFromIsEmptyAndUsable) {
  Matrix first(8, 8);
  Matrix second = std::move(first);
  EXPECT_EQ(first.rows(), 0);  // NOLINT(bugprone-use-after-move): the promise under test
  first.resize(2, 2);          // less than the memory it had
  ASSERT_NE(first.data(), nullptr);
  first.fill(1.0f);
  second = std::move(first);
  EXPECT_EQ(second.rows(), 2);
  EXPECT_EQ(second.row(1)[1], 1.0f);
  first.resize(1, 4);
  EXPECT_NE(first.data(), nullptr);
}

TEST(Matrix, RefusesSizesThatDoNotFitAndIsThenEmpty) {
  Matrix matrix(2, 2);
  for (const auto& [rows, cols] :
       {std::pair{Index{1} << 32, Index{1} << 32}, std::pair{Index{1} << 62, Index{1}},
        std::pair{Index{0x7fffffffffffffff}, Index{3}}}) {
    try {
      matrix.resize(rows, cols);
      ADD_FAILURE() << rows << " x " << cols;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::out_of_memory);
      EXPECT_STREQ(error.what(),
                   "error: a matrix does not fit 64 bits; expected a size this machine can hold [too-large]");
    }
    EXPECT_EQ(matrix.rows(), 2);  // nothing was touched
  }
}

TEST(Matrix, SaysWhenTheMachineHasNoMemoryAndIsThenEmpty) {
  if (!build_info().sanitizers.empty()) {
    GTEST_SKIP() << "AddressSanitizer ends the program instead of returning a null pointer";
  }
  Matrix matrix(2, 2);
  try {
    matrix.resize(Index{1} << 50, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::out_of_memory);
    EXPECT_STREQ(error.what(),
                 "error: the machine has no memory for a matrix of 4503599627370496 bytes [out-of-memory]");
  }
  EXPECT_EQ(matrix.rows(), 0);
  EXPECT_EQ(matrix.cols(), 0);
  matrix.resize(2, 2);
  EXPECT_NE(matrix.data(), nullptr);
}

TEST(Matrix, CallsANegativeSizeItsOwnMistake) {
  try {
    Matrix(-1, 2);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::internal);
  }
}

}  // namespace
}  // namespace moesim
