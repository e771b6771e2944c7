// Writing one .safetensors file.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"
#include "io/atomic_file.h"
#include "io/safetensors.h"
#include "io/safetensors_header.h"

namespace moesim {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kAlignment = 8;

std::string quoted(const std::string& text) {
  MOESIM_CHECK(find_invalid_utf8(text) == text.size(), "a name that is not UTF-8");
  return nlohmann::json(text).dump();
}

void check(const TensorToWrite& tensor, const TensorTypeName* type) {
  MOESIM_CHECK(type != nullptr && tensor.shape.size() <= 8 && tensor.name != "__metadata__",
               "a tensor that safetensors does not have");
  std::uint64_t bits = type->bits;
  for (const std::uint64_t count : tensor.shape) {
    bits = checked_mul(bits, count, "a tensor");
  }
  MOESIM_CHECK(bits % 8 == 0 && bits / 8 == tensor.payload.size(),
               "a payload of another length than its shape");
}

}  // namespace

void write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                       const TensorMetadata& metadata) {
  std::vector<const TensorToWrite*> order;
  for (const TensorToWrite& tensor : tensors) {
    check(tensor, find_tensor_type(tensor.type_name));
    order.push_back(&tensor);
  }
  // Wide elements first: every tensor then lies at a multiple of its element's size.
  std::sort(order.begin(), order.end(), [](const TensorToWrite* a, const TensorToWrite* b) {
    const TensorTypeName* const type_a = find_tensor_type(a->type_name);
    const TensorTypeName* const type_b = find_tensor_type(b->type_name);
    return type_a != type_b ? type_a < type_b : a->name < b->name;
  });
  std::string header = "{";
  if (!metadata.empty()) {
    std::string texts;
    for (const auto& [key, value] : metadata) {
      texts += (texts.empty() ? "" : ",") + quoted(key) + ":" + quoted(value);
    }
    header += "\"__metadata__\":{" + texts + "}";
  }
  std::uint64_t begin = 0;
  std::vector<std::string_view> parts(1);
  for (const TensorToWrite* tensor : order) {
    const std::uint64_t end = checked_add(begin, tensor->payload.size(), "a file");
    header += fmt::format("{}{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                          header.size() > 1 ? "," : "", quoted(tensor->name), tensor->type_name,
                          fmt::join(tensor->shape, ","), begin, end);
    begin = end;
    parts.push_back(tensor->payload);
  }
  header += "}";
  header.resize((header.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  std::string length(kLengthBytes, '\0');
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    length[i] = static_cast<char>(header.size() >> (8 * i));
  }
  // What is written must be what is read: names that stand twice, headers too long.
  const std::string start = length + header;
  parse_safetensors_header(start, checked_add(start.size(), begin, "a file"), path);
  parts[0] = start;
  write_parts_atomically(path, parts);
}

}  // namespace moesim
