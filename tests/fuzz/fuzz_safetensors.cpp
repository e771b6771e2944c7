// Any bytes as a .safetensors file: refused with Error(bad_data), or accepted, and then every byte belongs to
// one tensor. Accepted is exactly what an independent checker accepts, which asks nlohmann's parser.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "fuzz_check.h"
#include "io/safetensors_header.h"

namespace {

using moesim::fuzz_check;
using Json = nlohmann::json;

// A value without duplicate keys, or nothing.
Json parse_strictly(std::string_view text) {
  std::vector<std::set<std::string>> keys;
  bool unique = true;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    keys.resize(static_cast<std::size_t>(depth) + 2);
    if (event == Json::parse_event_t::object_start) {
      keys[static_cast<std::size_t>(depth) + 1].clear();
    } else if (event == Json::parse_event_t::key) {
      unique = keys[static_cast<std::size_t>(depth)].insert(value.get<std::string>()).second && unique;
    }
    return true;
  };
  Json value = Json::parse(text.begin(), text.end(), watch, false);
  return unique ? value : Json(Json::value_t::discarded);
}

bool is_well_formed(std::string_view file) {
  static const std::map<std::string, unsigned> kBits = {
      {"BOOL", 8},    {"F4", 4},          {"F6_E2M3", 6},     {"F6_E3M2", 6}, {"U8", 8},   {"I8", 8},
      {"F8_E5M2", 8}, {"F8_E4M3", 8},     {"C64", 64},        {"I16", 16},    {"U16", 16}, {"F16", 16},
      {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"BF16", 16},   {"I32", 32}, {"U32", 32},
      {"F32", 32},    {"F64", 64},        {"I64", 64},        {"U64", 64}};
  std::uint64_t length = 0;
  if (file.size() < 10) {
    return false;
  }
  std::memcpy(&length, file.data(), 8);
  if (length > std::min<std::uint64_t>(file.size() - 8, 100'000'000)) {
    return false;
  }
  std::string_view text = file.substr(8, length);
  const std::uint64_t payload = file.size() - 8 - length;
  text = text.substr(0, text.find_last_not_of(' ') + 1);
  // nlohmann takes a zero byte for the end.
  if (text.empty() || text.front() != '{' || text.back() != '}' ||
      text.find('\0') != std::string_view::npos) {
    return false;
  }
  const Json header = parse_strictly(text);
  if (!header.is_object()) {
    return false;
  }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (const auto& [name, tensor] : header.items()) {
    if (!tensor.is_object()) {
      return false;
    }
    if (name == "__metadata__") {
      if (!std::all_of(tensor.begin(), tensor.end(), [](const Json& value) { return value.is_string(); })) {
        return false;
      }
      continue;
    }
    if (tensor.size() != 3 || !tensor.contains("dtype") || !tensor.contains("shape") ||
        !tensor.contains("data_offsets")) {
      return false;
    }
    const Json& shape = tensor["shape"];
    const Json& offsets = tensor["data_offsets"];
    const auto is_whole = [](const Json& value) { return value.is_number_unsigned(); };
    if (!tensor["dtype"].is_string() || kBits.count(tensor["dtype"].get<std::string>()) == 0 ||
        !shape.is_array() || shape.size() > 8 || !std::all_of(shape.begin(), shape.end(), is_whole) ||
        !offsets.is_array() || offsets.size() != 2 ||
        !std::all_of(offsets.begin(), offsets.end(), is_whole)) {
      return false;
    }
    long double bits = kBits.at(tensor["dtype"].get<std::string>());  // 64 digits: exact below 2^64
    bool empty = false;
    for (const Json& count : shape) {
      empty = empty || count.get<std::uint64_t>() == 0;
      bits *= static_cast<long double>(std::max<std::uint64_t>(count.get<std::uint64_t>(), 1));
    }
    const auto begin = offsets[0].get<std::uint64_t>();
    const auto end = offsets[1].get<std::uint64_t>();
    if (bits > 0x1p62L || begin > end || end > payload ||
        (empty ? 0 : bits) != 8 * static_cast<long double>(end - begin)) {
      return false;
    }
    ranges.emplace_back(begin, end);
  }
  std::sort(ranges.begin(), ranges.end());
  std::uint64_t used = 0;
  for (const auto& [begin, end] : ranges) {
    if (begin != used) {
      return false;
    }
    used = end;
  }
  return used == payload;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  bool accepted = false;
  try {
    moesim::SafetensorsHeader header = moesim::parse_safetensors_header(bytes, size, "x.safetensors");
    accepted = true;
    fuzz_check(header.payload_offset >= 10 && header.payload_offset <= size, "payload start inside the file");
    using moesim::TensorInfo;
    fuzz_check(std::adjacent_find(header.tensors.begin(), header.tensors.end(),
                                  [](const TensorInfo& a, const TensorInfo& b) {
                                    return a.name >= b.name;
                                  }) == header.tensors.end(),
               "names are sorted and unique");
    std::sort(header.tensors.begin(), header.tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
      return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    std::uint64_t used = header.payload_offset;
    for (const TensorInfo& tensor : header.tensors) {
      fuzz_check(tensor.begin == used && tensor.end >= used && tensor.end <= size, "no hole and no overlap");
      fuzz_check(tensor.elements() * tensor.bits == (tensor.end - tensor.begin) * 8,
                 "the shape fills the bytes");
      used = tensor.end;
    }
    fuzz_check(used == size, "every byte belongs to a tensor");
  } catch (const moesim::Error& error) {
    const std::string_view message = error.what();
    fuzz_check(error.kind() == moesim::ErrorKind::bad_data, "a bad file is bad data");
    fuzz_check(message.substr(0, 27) == "x.safetensors: error: byte ", "an error has a place");
    fuzz_check(std::all_of(message.begin(), message.end(), [](char c) { return c >= 0x20 || c < 0; }),
               "a message says nothing to the terminal");
  }
  fuzz_check(accepted == is_well_formed(bytes), "both checkers agree");
  return 0;
}
