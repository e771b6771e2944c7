#pragma once
// Private to this room: which keys of a config.json mean the same.

#include <string>
#include <vector>

namespace moesim {

// The spellings of a meaning ("num_experts") in order of preference; a dot enters an object. A meaning that
// the table does not have is its own key.
std::vector<std::string> hf_keys(const char* meaning);

}  // namespace moesim
