#pragma once
// NumPy's .npy files, strictly: versions 1 to 3, header at most 64 KiB, a dictionary with exactly the keys
// descr, fortran_order and shape, little-endian <f4 or <f8, one or two dimensions, C order, and a payload of
// exactly the promised length. Format: numpy/lib/format.py, NEP 1.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/matrix.h"

namespace moesim {

struct NpyHeader {
  bool is_float64 = false;
  Index rows = 0;
  Index cols = 1;             // 1 for a one-dimensional array
  std::uint64_t data_offset = 0;
};

// Parses the header in `bytes` (the start of the file, or all of it); `file_size` is the whole file's length.
// `name` is printed in errors. Throws Error(bad_data) naming the byte offset and what was expected. Every count
// is compared with file_size before anything is allocated; products are checked.
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
  // Rows [first, first + out.rows) as float32. NaN and infinity are errors that name row and column.
  void read_rows(Index first, MutableMatrixView out) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  NpyHeader header_;
};

// float32, C order, version 1.0, written atomically.
void write_npy(const std::string& path, MatrixView matrix);

}  // namespace moesim
