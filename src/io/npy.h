#pragma once
// NumPy's .npy files, strictly: versions 1 to 3, header at most 64 KiB, a dictionary with exactly the keys
// descr, fortran_order and shape, little-endian <f4 or <f8, one or two dimensions, C order, and a payload of
// exactly the promised length. Format: numpy/lib/format.py, NEP 1.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/matrix.h"

namespace moesim {

struct NpyHeader {
  bool is_float64 = false;
  Index rows = 0;
  Index cols = 1;  // 1 for a one-dimensional array
  std::uint64_t data_offset = 0;
};

// Parses the header in `bytes` (the start of the file, or all of it); `file_size` is the whole file's length.
// `name` is printed in errors. Throws Error(bad_data) naming the byte offset and what was expected. Every
// count is compared with file_size before anything is allocated; products are checked.
NpyHeader parse_npy_header(std::string_view bytes, std::uint64_t file_size, const std::string& name);

// An .npy file opened once and read in slices of rows (pread), so that a large file needs little memory.
// A file that changed or became shorter while open is an error.
class NpyFile {
 public:
  explicit NpyFile(const std::string& path);  // throws Error(missing_input) or Error(bad_data)
  ~NpyFile();
  NpyFile(const NpyFile&) = delete;
  NpyFile& operator=(const NpyFile&) = delete;

  const NpyHeader& header() const { return header_; }
  // Rows [first, first + out.rows) as float32. NaN, infinity and numbers beyond float32 are errors that name
  // row and column. May be called from several threads.
  void read_rows(Index first, MutableMatrixView out) const;

 private:
  void read_float64(std::uint64_t first_number, std::span<float> out) const;
  void check_unchanged() const;
  [[noreturn]] void throw_not_finite(std::uint64_t number) const;

  std::string path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::int64_t changed_ns_ = 0;
  NpyHeader header_;
};

// float32, C order, version 1.0, written atomically, byte for byte as numpy.save writes it.
void write_npy(const std::string& path, MatrixView matrix);

}  // namespace moesim
