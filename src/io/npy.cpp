// Opening, reading in slices and writing .npy files; the header is understood in npy_header.cpp.
#include "io/npy.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "io/atomic_file.h"
#include "io/descriptor.h"

namespace moesim {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are read as they lie in the file");

constexpr std::size_t kFirstBytes = 12 + 64 * 1024;  // the longest header that is accepted
constexpr std::size_t kSlice = 32 * 1024;            // numbers converted at once

}  // namespace

NpyFile::NpyFile(const std::string& path, NpyAccepts accepts) : path_(path) {
  OpenFile file = open_regular_file(path);
  identity_ = identity_of(file.status);
  std::string start(std::min<std::uint64_t>(identity_.size, kFirstBytes), '\0');
  read_fully(path, file.descriptor.get(), start, 0);
  header_ = parse_npy_header(start, identity_.size, path, accepts);
  descriptor_ = file.descriptor.release();
}

NpyFile::~NpyFile() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

void NpyFile::read_rows(Index first, MutableMatrixView out) const {
  MOESIM_CHECK(out.cols == header_.cols && first >= 0 && out.rows >= 0 && first <= header_.rows &&
                   out.rows <= header_.rows - first,
               "rows that the array does not have");
  // Both products are at most the size of the file.
  const auto first_number = static_cast<std::uint64_t>(first * out.cols);
  const std::span<float> numbers(out.data, static_cast<std::size_t>(out.rows * out.cols));
  if (header_.element == NpyElement::float64) {
    read_float64(first_number, numbers);
  } else {
    read_fully(path_, descriptor_, {reinterpret_cast<char*>(numbers.data()), numbers.size_bytes()},
               header_.data_offset + first_number * sizeof(float));
  }
  check_unchanged(path_, descriptor_, identity_);
  const auto bad = std::find_if(numbers.begin(), numbers.end(), [](float x) { return !std::isfinite(x); });
  if (bad != numbers.end()) {
    throw_not_finite(first_number + static_cast<std::uint64_t>(bad - numbers.begin()));
  }
}

void NpyFile::read_float64(std::uint64_t first_number, std::span<float> out) const {
  std::vector<double> slice(std::min(out.size(), kSlice));
  for (std::size_t done = 0; done < out.size();) {
    const std::span<double> part = std::span(slice).first(std::min(slice.size(), out.size() - done));
    read_fully(path_, descriptor_, {reinterpret_cast<char*>(part.data()), part.size_bytes()},
               header_.data_offset + (first_number + done) * sizeof(double));
    std::transform(part.begin(), part.end(), out.begin() + static_cast<std::ptrdiff_t>(done),
                   [](double x) { return static_cast<float>(x); });
    done += part.size();
  }
}

void NpyFile::throw_not_finite(std::uint64_t number) const {
  const auto cols = static_cast<std::uint64_t>(header_.cols);
  double value = 0;
  if (header_.element == NpyElement::float64) {
    read_fully(path_, descriptor_, {reinterpret_cast<char*>(&value), sizeof value},
               header_.data_offset + number * sizeof value);
  } else {
    float single = 0;
    read_fully(path_, descriptor_, {reinterpret_cast<char*>(&single), sizeof single},
               header_.data_offset + number * sizeof single);
    value = single;
  }
  const std::string shown = std::isnan(value) ? "nan" : fmt::format("{}", value);
  throw Error(ErrorKind::bad_data,
              fmt::format("{}: error: row {}, column {} (from 0): the value is {}; expected a finite float32 "
                          "[not-finite]",
                          shown_path(path_), number / cols, number % cols, shown));
}

std::string npy_header(const NpyArray& array) {
  MOESIM_CHECK(array.rows >= 0 && (array.cols > 0 || array.rows == 0), "an array without columns");
  std::string dictionary = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}, {}), }}",
                                       array.descr, array.rows, array.cols);
  // The data start at a multiple of 64 bytes; ten bytes stand before the dictionary.
  const std::size_t length = (10 + dictionary.size() + 1 + 63) / 64 * 64 - 10;
  dictionary.resize(length - 1, ' ');
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(length & 0xff) +
         static_cast<char>(length >> 8) + dictionary + '\n';
}

void write_npy(const std::string& path, MatrixView matrix) {
  const std::string_view payload(reinterpret_cast<const char*>(matrix.data),
                                 static_cast<std::size_t>(matrix.rows * matrix.cols) * sizeof(float));
  const std::string header = npy_header({"<f4", matrix.rows, matrix.cols, payload});
  const std::string_view parts[] = {header, payload};
  write_parts_atomically(path, parts);
}

}  // namespace moesim
