#pragma once
// The dictionary in the header of an .npy file, as text: which values the three keys have and where they
// stand.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// What to type in Python.
inline constexpr const char* kSaveAsFloat32 =
    "save as float32 with np.save(\"array.npy\", a.astype(\"<f4\"))";

// What is wrong in a file and at which byte of it.
struct NpyProblem {
  std::uint64_t at = 0;
  std::string what;
  std::string expected;
  const char* short_name = "npy-malformed";
  std::string help{};
};

// Throws Error(bad_data) with "<name>: error: byte <at>: <what>; expected <expected> [short-name]".
[[noreturn]] void refuse_npy(const std::string& name, const NpyProblem& problem);

struct NpyDictionary {
  std::string descr;
  std::uint64_t descr_at = 0;  // bytes of the file
  bool fortran_order = false;
  std::uint64_t fortran_order_at = 0;
  std::vector<std::uint64_t> shape;  // each below 2^63
  std::uint64_t shape_at = 0;
};

// `text` is everything between the length field and the data, `first_byte` its place in the file. Accepted is
// what numpy.save writes: keys in any order, either quote, spaces, a comma at the end, spaces up to the final
// newline. Everything else Python could evaluate is refused.
NpyDictionary parse_npy_dictionary(std::string_view text, std::uint64_t first_byte, const std::string& name);

}  // namespace moesim
