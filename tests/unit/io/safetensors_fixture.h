#pragma once
// .safetensors files put together by hand.

#include <cstdint>
#include <string>

namespace moesim {

inline std::string length_field(std::uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) {
    bytes += static_cast<char>(length >> (8 * i));
  }
  return bytes;
}

inline std::string make_safetensors(const std::string& header, std::size_t payload_bytes = 0) {
  return length_field(header.size()) + header + std::string(payload_bytes, '\0');
}

// One tensor as the header has it.
inline std::string tensor_entry(const std::string& name, const std::string& dtype, const std::string& shape,
                                const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets +
         "}";
}

}  // namespace moesim
