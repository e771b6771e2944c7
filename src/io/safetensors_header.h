#pragma once
// What the first bytes of a .safetensors file promise, compared with the length of the file: eight bytes of
// header length (little-endian), the header (JSON), the payload. Everything in the header that does not
// describe the payload exactly is an error (docs/formats.md).

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/safetensors.h"

namespace moesim {

// The format's types by name; of two, the one at the lower address is written first.
struct TensorTypeName {
  std::string_view name;  // "BF16"
  TensorType type = TensorType::other;
  unsigned bits = 0;  // of an element; 4 and 6 too
};
const TensorTypeName* find_tensor_type(
    std::string_view name);  // nullptr when the format has none of the name

// The bytes before the payload, by the file's first bytes: of `start` at most kSafetensorsStart are looked
// at. Throws Error(bad_data); a file of another format is named, with what to type to convert it.
inline constexpr std::uint64_t kSafetensorsStart = 512;
std::uint64_t safetensors_payload_offset(std::string_view start, std::uint64_t file_size,
                                         const std::string& name);

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;                            // by name; shard is 0
  std::vector<std::pair<std::string, std::string>> metadata;  // __metadata__, in order of the file
  std::uint64_t payload_offset = 0;
};

// `bytes` is the start of the file, payload_offset of them or more; `name` is printed in errors. Throws
// Error(bad_data) naming the byte, the tensor and what was expected.
SafetensorsHeader parse_safetensors_header(std::string_view bytes, std::uint64_t file_size,
                                           const std::string& name);

}  // namespace moesim
