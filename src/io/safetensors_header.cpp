#include "io/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <tuple>
#include <unordered_set>

#include "core/error.h"
#include "core/text.h"
#include "io/foreign_weights.h"
#include "io/json_scanner.h"

namespace moesim {
namespace {

constexpr const char* kMalformed = "safetensors-malformed";
constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kLongestHeader = 100'000'000;  // as the reference implementation
constexpr std::size_t kMostTensors = 1'000'000;
constexpr std::size_t kMostDimensions = 8;
constexpr std::uint64_t kMostBits = std::uint64_t{1} << 62;

// In the order in which the reference implementation writes tensors: what must be aligned comes first.
constexpr TensorTypeName kTypes[] = {
    {"U64", TensorType::u64, 64},
    {"I64", TensorType::i64, 64},
    {"F64", TensorType::f64, 64},
    {"C64", TensorType::other, 64},
    {"F32", TensorType::f32, 32},
    {"U32", TensorType::u32, 32},
    {"I32", TensorType::i32, 32},
    {"BF16", TensorType::bf16, 16},
    {"F16", TensorType::f16, 16},
    {"U16", TensorType::u16, 16},
    {"I16", TensorType::i16, 16},
    {"F8_E5M2FNUZ", TensorType::other, 8},
    {"F8_E4M3FNUZ", TensorType::other, 8},
    {"F8_E8M0", TensorType::other, 8},
    {"F8_E4M3", TensorType::f8_e4m3, 8},
    {"F8_E5M2", TensorType::f8_e5m2, 8},
    {"I8", TensorType::i8, 8},
    {"U8", TensorType::u8, 8},
    {"F6_E3M2", TensorType::other, 6},
    {"F6_E2M3", TensorType::other, 6},
    {"F4", TensorType::other, 4},
    {"BOOL", TensorType::boolean, 8},
};

// The length of the payload of a tensor, or why there is none. The product is checked without its zeros, so
// that no part of it can overflow wherever it is formed again.
std::optional<std::uint64_t> payload_bits(const TensorInfo& tensor) {
  std::uint64_t bits = tensor.bits;
  bool empty = false;
  for (const std::uint64_t count : tensor.shape) {
    if (count == 0) {
      empty = true;
    } else if (count > kMostBits / bits) {
      return std::nullopt;
    } else {
      bits *= count;
    }
  }
  return empty ? 0 : bits;
}

std::string shown_shape(const std::vector<std::uint64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

// A tensor as the header describes it, and where.
struct Entry {
  TensorInfo tensor;
  std::uint64_t at = 0;          // byte of the name in the file
  std::uint64_t offsets_at = 0;  // of data_offsets
};

class HeaderReader {
 public:
  HeaderReader(std::string_view text, std::uint64_t payload_bytes, const std::string& name)
      : scanner_(text, {.name = name, .first_byte = kLengthBytes, .short_name = kMalformed}),
        payload_offset_(kLengthBytes + text.size()),
        payload_bytes_(payload_bytes) {}

  SafetensorsHeader read() {
    if (scanner_.rest().substr(0, 1) != "{") {
      refuse(scanner_.place(), scanner_.found(), "'{'");
    }
    scanner_.take('{', "'{'");
    if (!scanner_.take_if('}')) {
      do {
        read_entry();
      } while (scanner_.take_if(','));
      scanner_.take('}', "',' or '}'");
    }
    check_padding();
    return finish();
  }

 private:
  [[noreturn]] void refuse(std::uint64_t at, const std::string& what, const std::string& expected) const {
    scanner_.refuse(at, what, expected);
  }
  // "tensor 'x'" in front, where one is being read.
  [[noreturn]] void refuse_tensor(const Entry& entry, std::uint64_t at, const std::string& what,
                                  const std::string& expected) const {
    refuse(at, fmt::format("tensor '{}': {}", display_safe(entry.tensor.name), what), expected);
  }

  void read_entry() {
    scanner_.is_next('"');
    const std::uint64_t at = scanner_.place();
    std::string key = scanner_.take_string("a tensor's name in quotes");
    scanner_.take(':', "':'");
    if (key == "__metadata__") {
      read_metadata(at);
      return;
    }
    if (entries_.size() == kMostTensors) {
      refuse(at, fmt::format("more than {} tensors", kMostTensors), "fewer");
    }
    Entry entry;
    entry.tensor.name = std::move(key);
    entry.at = at;
    read_tensor(entry);
    check_tensor(entry);
    entries_.push_back(std::move(entry));
  }

  void read_metadata(std::uint64_t at) {
    if (has_metadata_) {
      refuse(at, "__metadata__ stands twice", "each key once");
    }
    has_metadata_ = true;
    scanner_.take('{', "'{': __metadata__ is an object of texts");
    if (scanner_.take_if('}')) {
      return;
    }
    std::unordered_set<std::string> seen;
    do {
      scanner_.is_next('"');
      const std::uint64_t key_at = scanner_.place();
      std::string key = scanner_.take_string("a key of __metadata__ in quotes");
      if (!seen.insert(key).second) {
        refuse(key_at, fmt::format("__metadata__ has '{}' twice", display_safe(key)), "each key once");
      }
      scanner_.take(':', "':'");
      std::string value = scanner_.take_string("a text in quotes: __metadata__ holds texts only");
      metadata_.emplace_back(std::move(key), std::move(value));
    } while (scanner_.take_if(','));
    scanner_.take('}', "',' or '}'");
  }

  void read_tensor(Entry& entry) {
    scanner_.take('{', "'{' and a tensor's dtype, shape and data_offsets");
    bool has_type = false;
    bool has_shape = false;
    bool has_offsets = false;
    if (!scanner_.is_next('}')) {
      do {
        scanner_.is_next('"');
        const std::uint64_t at = scanner_.place();
        const std::string key = scanner_.take_string("dtype, shape or data_offsets in quotes");
        bool* const seen = key == "dtype"          ? &has_type
                           : key == "shape"        ? &has_shape
                           : key == "data_offsets" ? &has_offsets
                                                   : nullptr;
        if (seen == nullptr || *seen) {
          refuse_tensor(entry, at,
                        seen == nullptr ? fmt::format("the key '{}'", display_safe(key))
                                        : fmt::format("{} stands twice", key),
                        "dtype, shape and data_offsets, each once");
        }
        *seen = true;
        scanner_.take(':', "':'");
        if (seen == &has_type) {
          read_type(entry);
        } else if (seen == &has_shape) {
          read_shape(entry);
        } else {
          read_offsets(entry);
        }
      } while (scanner_.take_if(','));
    }
    scanner_.take('}', "',' or '}'");
    if (!(has_type && has_shape && has_offsets)) {
      refuse_tensor(entry, entry.at,
                    fmt::format("{} is missing", !has_type    ? "dtype"
                                                 : !has_shape ? "shape"
                                                              : "data_offsets"),
                    "dtype, shape and data_offsets, each once");
    }
  }

  void read_type(Entry& entry) {
    scanner_.is_next('"');
    const std::uint64_t at = scanner_.place();
    const std::string name = scanner_.take_string("a dtype in quotes");
    const TensorTypeName* const type = find_tensor_type(name);
    if (type == nullptr) {
      std::string names;
      for (const TensorTypeName& known : kTypes) {
        names += (names.empty() ? "" : ", ") + std::string(known.name);
      }
      refuse_tensor(entry, at, fmt::format("the dtype '{}'", display_safe(name)), "one of " + names);
    }
    entry.tensor.type = type->type;
    entry.tensor.type_name = type->name;
    entry.tensor.bits = type->bits;
  }

  void read_shape(Entry& entry) {
    scanner_.is_next('[');
    const std::uint64_t at = scanner_.place();
    scanner_.take('[', "'[' and a shape");
    if (scanner_.take_if(']')) {
      return;  // a scalar
    }
    std::vector<std::uint64_t>& shape = entry.tensor.shape;
    do {
      if (shape.size() == kMostDimensions) {
        refuse_tensor(entry, at, fmt::format("more than {} dimensions", kMostDimensions), "fewer");
      }
      shape.push_back(scanner_.take_whole_number("a whole number from 0 to 2^64-1"));
    } while (scanner_.take_if(','));
    scanner_.take(']', "',' or ']'");
  }

  void read_offsets(Entry& entry) {
    constexpr const char* kOffset = "a whole number of bytes";
    scanner_.is_next('[');
    entry.offsets_at = scanner_.place();
    scanner_.take('[', "'[' and two offsets");
    entry.tensor.begin = scanner_.take_whole_number(kOffset);
    scanner_.take(',', "',' and a second offset");
    entry.tensor.end = scanner_.take_whole_number(kOffset);
    scanner_.take(']', "']' behind two offsets");
  }

  // Type, shape and offsets against each other and the file.
  void check_tensor(const Entry& entry) const {
    const TensorInfo& tensor = entry.tensor;
    if (tensor.begin > tensor.end || tensor.end > payload_bytes_) {
      refuse_tensor(entry, entry.offsets_at,
                    fmt::format("the offsets {} to {} of a payload of {} bytes", tensor.begin, tensor.end,
                                payload_bytes_),
                    tensor.begin > tensor.end ? "the first not above the second" : "both inside it");
    }
    const std::optional<std::uint64_t> bits = payload_bits(tensor);
    const std::string described = fmt::format("{} {}", tensor.type_name, shown_shape(tensor.shape));
    if (!bits) {
      refuse_tensor(entry, entry.at, described + " is more than any file holds",
                    fmt::format("{} bytes", tensor.end - tensor.begin));
    }
    if (*bits % 8 != 0) {
      refuse_tensor(entry, entry.at, fmt::format("{} is {} bits", described, *bits), "whole bytes");
    }
    if (*bits / 8 != tensor.end - tensor.begin) {
      refuse_tensor(entry, entry.at, fmt::format("{} is {} bytes", described, *bits / 8),
                    fmt::format("the {} bytes of its data_offsets", tensor.end - tensor.begin));
    }
  }

  void check_padding() const {
    const std::size_t other = scanner_.rest().find_first_not_of(' ');
    if (other != std::string_view::npos) {
      refuse(scanner_.place() + other,
             fmt::format("found '{}' behind the header's last bracket",
                         display_safe(scanner_.rest().substr(other, 1))),
             "spaces up to the payload");
    }
  }

  // No name twice; the payload used from its first byte to its last, no byte twice. What is sorted are
  // places: entries are large.
  SafetensorsHeader finish() {
    std::vector<std::uint32_t> by_name(entries_.size());
    std::iota(by_name.begin(), by_name.end(), 0U);
    std::vector<std::uint32_t> by_offset = by_name;
    std::sort(by_name.begin(), by_name.end(), [this](std::uint32_t a, std::uint32_t b) {
      const int order = entries_[a].tensor.name.compare(entries_[b].tensor.name);
      return order != 0 ? order < 0 : a < b;
    });
    const auto twice =
        std::adjacent_find(by_name.begin(), by_name.end(), [this](std::uint32_t a, std::uint32_t b) {
          return entries_[a].tensor.name == entries_[b].tensor.name;
        });
    if (twice != by_name.end()) {
      refuse(entries_[twice[1]].at,
             fmt::format("tensor '{}' stands twice", display_safe(entries_[*twice].tensor.name)),
             "each name once");
    }
    std::sort(by_offset.begin(), by_offset.end(), [this](std::uint32_t a, std::uint32_t b) {
      const auto key = [this](std::uint32_t i) {
        return std::tuple(entries_[i].tensor.begin, entries_[i].tensor.end, i);
      };
      return key(a) < key(b);
    });
    std::uint64_t used = 0;
    for (const std::uint32_t i : by_offset) {
      const Entry& entry = entries_[i];
      if (entry.tensor.begin != used) {
        refuse_tensor(entry, entry.offsets_at,
                      fmt::format("it begins at byte {} of the payload", entry.tensor.begin),
                      fmt::format("{}, where the tensor before it ends", used));
      }
      used = entry.tensor.end;
    }
    if (used != payload_bytes_) {
      refuse(payload_offset_ + used, "no tensor has the bytes from here on", "the end of the file");
    }
    SafetensorsHeader header{
        .tensors = {}, .metadata = std::move(metadata_), .payload_offset = payload_offset_};
    header.tensors.reserve(entries_.size());
    for (const std::uint32_t i : by_name) {
      TensorInfo& tensor = entries_[i].tensor;
      tensor.begin += payload_offset_;
      tensor.end += payload_offset_;
      header.tensors.push_back(std::move(tensor));
    }
    return header;
  }

  JsonScanner scanner_;
  std::uint64_t payload_offset_;
  std::uint64_t payload_bytes_;
  bool has_metadata_ = false;
  std::vector<Entry> entries_;
  std::vector<std::pair<std::string, std::string>> metadata_;
};

}  // namespace

std::uint64_t TensorInfo::elements() const {
  std::uint64_t product = 1;
  for (const std::uint64_t count : shape) {
    product = count == 0 ? 0 : product * count;  // checked when the header was read
  }
  return product;
}

const TensorTypeName* find_tensor_type(std::string_view name) {
  const auto found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                  [&](const TensorTypeName& t) { return t.name == name; });
  return found == std::end(kTypes) ? nullptr : found;
}

std::uint64_t safetensors_payload_offset(std::string_view start, std::uint64_t file_size,
                                         const std::string& name) {
  const JsonScanner scanner({}, {.name = name, .first_byte = 0, .short_name = kMalformed});
  if (file_size < kLengthBytes || start.size() < kLengthBytes) {
    refuse_foreign_weights(start, name);
    scanner.refuse(std::min<std::uint64_t>(file_size, start.size()),
                   file_size == 0 ? "the file is empty" : "the file ends",
                   "8 bytes with the header's length");
  }
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    length |= static_cast<std::uint64_t>(static_cast<unsigned char>(start[i])) << (8 * i);
  }
  const std::uint64_t most = std::min(kLongestHeader, file_size - kLengthBytes);
  if (length > most || start.substr(kLengthBytes, 1) != "{") {
    refuse_foreign_weights(start, name);  // the length of an honest header can look like any signature
  }
  if (length > most || length < 2) {
    scanner.refuse(0, fmt::format("the header calls itself {} bytes long", length),
                   length < 2 ? "at least 2"
                              : fmt::format("at most {}{}", most,
                                            most == kLongestHeader ? "" : ", to the end of the file"));
  }
  return kLengthBytes + length;
}

SafetensorsHeader parse_safetensors_header(std::string_view bytes, std::uint64_t file_size,
                                           const std::string& name) {
  const std::uint64_t offset = safetensors_payload_offset(bytes, file_size, name);
  MOESIM_CHECK(bytes.size() >= offset, "fewer bytes than the header has");
  const std::string_view text = bytes.substr(kLengthBytes, static_cast<std::size_t>(offset - kLengthBytes));
  return HeaderReader(text, file_size - offset, name).read();
}

}  // namespace moesim
