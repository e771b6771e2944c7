#include "core/matrix.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/checked.h"
#include "core/error.h"

namespace moesim {
namespace {

constexpr std::size_t kAlignment = 64;
// Large matrices lie on pages of this size where the system has them: fewer misses when weights are read
// once.
constexpr std::size_t kHugePage = std::size_t{2} << 20;

void ask_for_huge_pages(void* memory, std::uint64_t bytes) {
#ifdef MADV_HUGEPAGE
  if (bytes >= kHugePage) {
    madvise(memory, bytes, MADV_HUGEPAGE);  // advice: without it everything works, slower
  }
#else
  static_cast<void>(memory);
  static_cast<void>(bytes);
#endif
}

}  // namespace

void Matrix::Free::operator()(float* p) const {
  std::free(p);
}

Matrix::Matrix(Matrix&& other) noexcept
    : data_(std::move(other.data_)),
      capacity_(std::exchange(other.capacity_, 0)),
      rows_(std::exchange(other.rows_, 0)),
      cols_(std::exchange(other.cols_, 0)) {}

Matrix& Matrix::operator=(Matrix&& other) noexcept {
  data_ = std::move(other.data_);
  capacity_ = std::exchange(other.capacity_, 0);
  rows_ = std::exchange(other.rows_, 0);
  cols_ = std::exchange(other.cols_, 0);
  return *this;
}

void Matrix::resize(Index rows, Index cols) {
  MOESIM_CHECK(rows >= 0 && cols >= 0, "a matrix with a negative size");
  const std::uint64_t count =
      checked_mul(static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(cols), "a matrix");
  if (count > static_cast<std::uint64_t>(capacity_)) {
    const std::uint64_t size = checked_mul(count, sizeof(float), "a matrix");
    const std::uint64_t alignment = size >= kHugePage ? kHugePage : kAlignment;
    const std::uint64_t bytes = checked_add(size, alignment - 1, "a matrix") / alignment * alignment;
    data_.reset();
    capacity_ = rows_ = cols_ = 0;  // should there be no memory, the matrix is empty
    data_.reset(static_cast<float*>(std::aligned_alloc(alignment, bytes)));
    if (data_ == nullptr) {
      throw Error(ErrorKind::out_of_memory, "error: the machine has no memory for a matrix of " +
                                                std::to_string(bytes) + " bytes [out-of-memory]");
    }
    ask_for_huge_pages(data_.get(), bytes);
    capacity_ = static_cast<Index>(count);
  }
  rows_ = rows;
  cols_ = cols;
}

void Matrix::fill(float value) {
  std::fill_n(data_.get(), rows_ * cols_, value);
}

Matrix Matrix::clone() const {
  Matrix copy(rows_, cols_);
  if (rows_ * cols_ > 0) {
    std::memcpy(copy.data(), data(), static_cast<std::size_t>(rows_ * cols_) * sizeof(float));
  }
  return copy;
}

}  // namespace moesim
