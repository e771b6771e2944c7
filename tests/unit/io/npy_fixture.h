#pragma once
// .npy files put together by hand, laid out as numpy.save of NumPy 1.24 does.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

struct NpyParts {
  std::string signature = "\x93NUMPY";
  int major = 1;
  int minor = 0;
  std::string dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }";
  std::string data = std::string(24, '\0');
};

// Padded so that the data start at a multiple of 64 bytes.
inline std::string make_npy(const NpyParts& parts) {
  const std::size_t start = parts.major == 1 ? 10 : 12;
  std::string header = parts.dictionary;
  header.resize((start + header.size() + 1 + 63) / 64 * 64 - start - 1, ' ');
  header += '\n';
  std::string bytes = parts.signature;
  bytes += static_cast<char>(parts.major);
  bytes += static_cast<char>(parts.minor);
  for (std::size_t i = 0; i < start - 8; ++i) {
    bytes += static_cast<char>(header.size() >> (8 * i));
  }
  return bytes + header + parts.data;
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return values.empty()
             ? ""
             : std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

}  // namespace moesim
