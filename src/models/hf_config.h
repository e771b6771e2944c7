#pragma once
// config.json of a Hugging Face checkpoint → the model's shape. Keys that are absent have the defaults of the
// configuration class of that model type in transformers; keys that this program has no use for are ignored.
// Strict otherwise: types, ranges, and values that would change the routing in a way that is not supported
// are errors.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/model_shape.h"

namespace moesim {

inline constexpr std::uint64_t kLargestHfConfig = 4ull << 20;  // bytes

// Which spelling was found, for people: {"num_experts", "text_config.num_local_experts", "16"}; an absent
// key has the origin "default of mixtral".
struct HfKey {
  std::string meaning;
  std::string key;
  std::string value;
};

// Throws Error(bad_data): "WHERE: error: KEY: what; expected what [short-name]", KEY with the path to it.
// `keys`, where given, gets what was read in order.
ModelShape read_hf_config(std::string_view json, const std::string& where,
                          std::vector<HfKey>* keys = nullptr);

// The file, at most kLargestHfConfig bytes.
ModelShape read_hf_config_file(const std::string& path, std::vector<HfKey>* keys = nullptr);

// The values of model_type that are read, sorted.
std::vector<std::string> hf_model_types();

}  // namespace moesim
