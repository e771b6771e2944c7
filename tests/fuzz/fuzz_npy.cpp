// Any bytes as an .npy file: refused with Error(bad_data), or accepted with a header that keeps its promise.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/error.h"
#include "fuzz_check.h"
#include "io/npy.h"

namespace {

void read_as(const std::uint8_t* data, std::size_t size, moesim::NpyAccepts accepts) {
  using moesim::fuzz_check;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const moesim::NpyHeader header = moesim::parse_npy_header(bytes, size, "input.npy", accepts);
    const std::uint64_t item = element_bytes(header.element);
    fuzz_check(header.data_offset >= 10 && header.data_offset <= size, "data start inside the file");
    fuzz_check(header.rows >= 0 && header.cols >= 1, "counts are not negative and a row is not empty");
    const std::uint64_t present = size - header.data_offset;
    const auto rows = static_cast<std::uint64_t>(header.rows);
    const auto cols = static_cast<std::uint64_t>(header.cols);
    fuzz_check(rows <= present && (rows == 0 || cols <= present), "no count is larger than the file");
    fuzz_check(rows * cols * item == present, "the numbers fill the file");
  } catch (const moesim::Error& error) {
    fuzz_check(error.kind() == moesim::ErrorKind::bad_data, "a bad file is bad data");
    fuzz_check(std::string_view(error.what()).substr(0, 23) == "input.npy: error: byte ",
               "an error has a place");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read_as(data, size, moesim::NpyAccepts::floats);
  read_as(data, size, moesim::NpyAccepts::whole_numbers);
  read_as(data, size, moesim::NpyAccepts::recordings);
  return 0;
}
