// Any bytes as model.safetensors.index.json: refused with Error(bad_data), or accepted with bare names only.
// Accepted is exactly what an independent checker accepts, which asks nlohmann's parser.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "fuzz_check.h"
#include "io/safetensors_index.h"

namespace {

using moesim::fuzz_check;
using Json = nlohmann::json;

// Nothing where it cannot tell: nlohmann refuses numbers beyond a double, which here are read over.
// A map of names without duplicates among its own keys and those around it, or not. Below other keys anything
// goes.
std::optional<bool> is_well_formed(std::string_view text) {
  // nlohmann takes a zero byte for the end, and reads over a byte order mark.
  const std::size_t start = text.find_first_not_of(" \n\t\r");
  if (start == std::string_view::npos || text[start] != '{' || text.find('\0') != std::string_view::npos) {
    return false;
  }
  std::set<std::string> outer;
  std::set<std::string> inner;
  std::string open;  // the outer key whose value is being read
  bool well_formed = true;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    const bool starts =
        event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    well_formed = well_formed && !(starts && depth > 64);
    if (event == Json::parse_event_t::key && depth == 1) {
      open = value.get<std::string>();
      well_formed = well_formed && outer.insert(open).second;
    } else if (event == Json::parse_event_t::key && depth == 2 && open == "weight_map") {
      well_formed = well_formed && inner.insert(value.get<std::string>()).second;
    }
    return true;
  };
  Json index;
  try {
    index = Json::parse(text.begin(), text.end(), watch);
  } catch (const Json::out_of_range&) {
    return std::nullopt;
  } catch (const Json::parse_error&) {
    return false;
  }
  if (!well_formed || !index.is_object() || index.size() > 100 || !index.contains("weight_map")) {
    return false;
  }
  const Json& map = index["weight_map"];
  return map.is_object() && !map.empty() && std::all_of(map.begin(), map.end(), [](const Json& file) {
           if (!file.is_string()) {
             return false;
           }
           const auto& name = file.get_ref<const std::string&>();
           return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
                  name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
         });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  bool accepted = false;
  try {
    const moesim::SafetensorsIndex index = moesim::parse_safetensors_index(text, "i.json");
    accepted = true;
    fuzz_check(!index.tensors.empty() && index.shards.size() <= index.tensors.size(),
               "every file has a tensor");
    for (std::size_t i = 0; i < index.tensors.size(); ++i) {
      fuzz_check(index.tensors[i].shard < index.shards.size() && index.tensors[i].at < size,
                 "places are there");
      fuzz_check(i == 0 || index.tensors[i - 1].tensor < index.tensors[i].tensor,
                 "names are sorted and unique");
    }
    for (const std::string& shard : index.shards) {
      fuzz_check(shard.find('/') == std::string::npos && shard != "..", "names are bare");
    }
  } catch (const moesim::Error& error) {
    const std::string_view message = error.what();
    fuzz_check(error.kind() == moesim::ErrorKind::bad_data, "a bad file is bad data");
    fuzz_check(message.substr(0, 20) == "i.json: error: byte ", "an error has a place");
    fuzz_check(std::all_of(message.begin(), message.end(), [](char c) { return c >= 0x20 || c < 0; }),
               "a message says nothing to the terminal");
  }
  fuzz_check(accepted == is_well_formed(text).value_or(accepted), "both checkers agree");
  return 0;
}
