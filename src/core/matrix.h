#pragma once
// Row-major float32 matrices: the vocabulary of every room, so that Eigen stays inside .cpp files.
//
// Shape letters, used at every declaration of the project:
//   T tokens in the batch, D model width, F expert hidden width, E routed experts, K experts per token,
//   N assignments, R rows computed, S slots of a soft router, L layers.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace moesim {

using Index = std::int64_t;

// Borrowed; valid while the owner lives. Rows are contiguous and follow each other without gaps.
struct MatrixView {
  const float* data = nullptr;
  Index rows = 0;
  Index cols = 0;

  std::span<const float> row(Index i) const { return {data + i * cols, static_cast<std::size_t>(cols)}; }
  MatrixView block(Index first_row, Index count) const { return {data + first_row * cols, count, cols}; }
};

struct MutableMatrixView {
  float* data = nullptr;
  Index rows = 0;
  Index cols = 0;

  std::span<float> row(Index i) const { return {data + i * cols, static_cast<std::size_t>(cols)}; }
  MutableMatrixView block(Index first_row, Index count) const {
    return {data + first_row * cols, count, cols};
  }
  operator MatrixView() const { return {data, rows, cols}; }
};

// Owns its floats, aligned to a cache line. Moving is cheap and leaves an empty matrix; copying has a name.
class Matrix {
 public:
  Matrix() = default;
  Matrix(Index rows, Index cols) { resize(rows, cols); }  // contents unspecified
  Matrix(Matrix&& other) noexcept;
  Matrix& operator=(Matrix&& other) noexcept;

  // Keeps the memory it has when that is enough; contents unspecified afterwards.
  void resize(Index rows, Index cols);
  void fill(float value);
  Matrix clone() const;

  Index rows() const { return rows_; }
  Index cols() const { return cols_; }
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  std::span<float> row(Index i) { return view().row(i); }
  std::span<const float> row(Index i) const { return view().row(i); }
  MutableMatrixView view() { return {data_.get(), rows_, cols_}; }
  MatrixView view() const { return {data_.get(), rows_, cols_}; }

 private:
  struct Free {
    void operator()(float* p) const;
  };
  std::unique_ptr<float[], Free> data_;
  Index capacity_ = 0;
  Index rows_ = 0;
  Index cols_ = 0;
};

}  // namespace moesim
