#pragma once
// model.safetensors.index.json: which shard holds which tensor.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

struct SafetensorsIndex {
  struct Entry {
    std::string tensor;
    std::uint32_t shard = 0;  // place in shards
    std::uint64_t at = 0;     // byte of the index
  };
  std::vector<std::string> shards;  // bare names, in order of the index
  std::vector<Entry> tensors;       // by name
};

// The largest index of a published model (DeepSeek-V3: 92,000 tensors) has 9 MB, one of the million tensors
// that are accepted some 100 bytes each.
inline constexpr std::uint64_t kLongestIndex = 64 * 1024 * 1024;
inline constexpr std::size_t kMostShards = 4096;

// An object with `weight_map`, an object of shard names by tensor; its other keys are read over. Throws
// Error(bad_data) [safetensors-index] naming the byte.
SafetensorsIndex parse_safetensors_index(std::string_view text, const std::string& name);

}  // namespace moesim
