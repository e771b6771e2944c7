#pragma once
// NumPy's .npy files, strictly: versions 1 to 3, header at most 64 KiB, a dictionary with exactly the keys
// descr, fortran_order and shape, little-endian floats (<f4, <f8) or, where a caller asks for them, whole
// numbers of 1 to 8 bytes, one or two dimensions (recordings: three), C order, and a payload of exactly the
// promised length.
// Format: numpy/lib/format.py, NEP 1.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/matrix.h"
#include "io/positioned_read.h"

namespace moesim {

enum class NpyElement { float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64 };
std::uint64_t element_bytes(NpyElement element);

enum class NpyAccepts {
  floats,
  whole_numbers,
  recordings,    // whole numbers, of up to three dimensions
  float_stacks,  // floats, of up to three dimensions
};

struct NpyHeader {
  NpyElement element = NpyElement::float32;
  Index rows = 0;    // of all but the last dimension
  Index cols = 1;    // 1 for a one-dimensional array
  Index blocks = 1;  // the first of three dimensions: rows are blocks times the second
  int dimensions = 2;
  std::uint64_t data_offset = 0;
};

// Parses the header in `bytes` (the start of the file, or all of it); `file_size` is the whole file's length.
// `name` is printed in errors. Throws Error(bad_data) naming the byte offset and what was expected. Every
// count is compared with file_size before anything is allocated; products are checked.
NpyHeader parse_npy_header(std::string_view bytes, std::uint64_t file_size, const std::string& name,
                           NpyAccepts accepts = NpyAccepts::floats);

// An .npy file opened once and read in slices of rows (pread), so that a large file needs little memory.
// A file that changed or became shorter while open is an error.
class NpyFile {
 public:
  // Floats. Throws Error(missing_input) or Error(bad_data).
  explicit NpyFile(const std::string& path, NpyAccepts accepts = NpyAccepts::floats);
  ~NpyFile();
  NpyFile(const NpyFile&) = delete;
  NpyFile& operator=(const NpyFile&) = delete;

  const NpyHeader& header() const { return header_; }
  // Rows [first, first + out.rows) as float32. NaN, infinity and numbers beyond float32 are errors that name
  // row and column. May be called from several threads.
  void read_rows(Index first, MutableMatrixView out) const;

 private:
  void read_float64(std::uint64_t first_number, std::span<float> out) const;
  [[noreturn]] void throw_not_finite(std::uint64_t number) const;

  std::string path_;
  int descriptor_ = -1;
  FileIdentity identity_;
  NpyHeader header_;
};

// A table of whole numbers, all of it: at most 1 GiB of file. Throws Error(missing_input) or Error(bad_data).
struct WholeTable {
  Index rows = 0;
  Index cols = 1;
  std::vector<std::int64_t> values;  // [rows,cols]; a uint64 beyond 2^63−1 is an error
};
WholeTable read_npy_whole(const std::string& path);

// The bytes of an array, as numpy.save writes them: C order, version 1.0. `descr` is numpy's name of the
// element ("<f4", "<i4", "|b1"), `payload` rows x cols of them.
struct NpyArray {
  std::string_view descr;
  Index rows = 0;
  Index cols = 0;
  std::string_view payload;
};
std::string npy_header(const NpyArray& array);

// float32, C order, version 1.0, written atomically, byte for byte as numpy.save writes it.
void write_npy(const std::string& path, MatrixView matrix);

}  // namespace moesim
