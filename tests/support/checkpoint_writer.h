#pragma once
// Small checkpoints for tests, in any type that is read: written here from the formats' definitions, sharing
// no code with src/io. Numbers are rounded to the nearest of the type, ties to even, and saturate; each add…
// returns the numbers as the file holds them, which a reader must return exactly.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moesim {

using Shape = std::vector<std::uint64_t>;

// A number of 1 sign bit, exponent and mantissa; a largest finite one.
struct SmallFloat {
  int exponent_bits = 0;
  int mantissa_bits = 0;
  double largest = 0;
  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
};
inline constexpr SmallFloat kF16{5, 10, 65504.0};
inline constexpr SmallFloat kBf16{8, 7, 0x1.fep127};
inline constexpr SmallFloat kE4m3{4, 3, 448.0};
inline constexpr SmallFloat kE5m2{5, 2, 57344.0};
inline constexpr SmallFloat kE2m1{2, 1, 6.0};

inline std::uint32_t encode_small(const SmallFloat& format, double value) {
  const std::uint32_t sign = std::signbit(value) ? 1U << (format.exponent_bits + format.mantissa_bits) : 0;
  const double size = std::fmin(std::fabs(value), format.largest);
  if (size == 0) {
    return sign;
  }
  int exponent = 0;
  std::frexp(size, &exponent);
  exponent = std::max(exponent - 1, 1 - format.bias());
  const int one = 1 << format.mantissa_bits;
  int digits = static_cast<int>(std::nearbyint(std::ldexp(size, format.mantissa_bits - exponent)));
  if (digits == 2 * one) {
    ++exponent;
    digits = one;
  }
  if (std::ldexp(digits, exponent - format.mantissa_bits) > format.largest) {
    return encode_small(format, std::signbit(value) ? -format.largest : format.largest);
  }
  return digits < one ? sign | static_cast<std::uint32_t>(digits)
                      : sign | static_cast<std::uint32_t>((exponent + format.bias()) * one + digits - one);
}

// Of a finite number.
inline double decode_small(const SmallFloat& format, std::uint32_t bits) {
  const int one = 1 << format.mantissa_bits;
  const int mantissa = static_cast<int>(bits) & (one - 1);
  const int exponent = static_cast<int>(bits >> format.mantissa_bits) & ((1 << format.exponent_bits) - 1);
  const bool negative = (bits >> (format.exponent_bits + format.mantissa_bits) & 1U) != 0;
  const double size = exponent == 0
                          ? std::ldexp(mantissa, 1 - format.bias() - format.mantissa_bits)
                          : std::ldexp(mantissa + one, exponent - format.bias() - format.mantissa_bits);
  return negative ? -size : size;
}

class CheckpointWriter {
 public:
  // `type`: F64, F32, F16, BF16, F8_E4M3, F8_E5M2; also I64, I32, U8 of whole numbers.
  std::vector<float> add(const std::string& name, const std::string& type, const Shape& shape,
                         std::span<const float> values) {
    std::string payload;
    std::vector<float> stored;
    for (const float value : values) {
      stored.push_back(static_cast<float>(append(type, value, payload)));
    }
    add_bytes(name, type, shape, std::move(payload));
    return stored;
  }

  void add_bytes(const std::string& name, const std::string& type, const Shape& shape, std::string payload) {
    tensors_.push_back({name, type, shape, std::move(payload)});
  }

  // `name`_blocks U8 […,C/32,16] and `name`_scales U8 […,C/32] from `shape` […,C], C a multiple of 32.
  std::vector<float> add_mxfp4(const std::string& name, const Shape& shape, std::span<const float> values) {
    std::string blocks;
    std::string scales;
    std::vector<float> stored;
    for (std::size_t at = 0; at < values.size(); at += 32) {
      const std::span<const float> block = values.subspan(at, 32);
      int exponent = 0;
      std::frexp(largest_of(block), &exponent);
      exponent = largest_of(block) == 0 ? 0 : exponent - 1 - 2;  // the largest lies in 4 … 8
      scales += static_cast<char>(exponent + 127);
      for (std::size_t i = 0; i < 32; i += 2) {
        const std::uint32_t low = encode_small(kE2m1, std::ldexp(block[i], -exponent));
        const std::uint32_t high = encode_small(kE2m1, std::ldexp(block[i + 1], -exponent));
        blocks += static_cast<char>(low | high << 4);
        stored.push_back(static_cast<float>(std::ldexp(decode_small(kE2m1, low), exponent)));
        stored.push_back(static_cast<float>(std::ldexp(decode_small(kE2m1, high), exponent)));
      }
    }
    Shape scale_shape = shape;
    scale_shape.back() /= 32;
    Shape block_shape = scale_shape;
    block_shape.push_back(16);
    add_bytes(name + "_blocks", "U8", block_shape, std::move(blocks));
    add_bytes(name + "_scales", "U8", scale_shape, std::move(scales));
    return stored;
  }

  // `name` F8_E4M3 [R,C] and `scales_name`, by default `name`_scale_inv, F32 [⌈R/block⌉,⌈C/block⌉], as
  // DeepSeek-V3's.
  std::vector<float> add_block_scaled(const std::string& name, std::uint64_t rows, std::uint64_t cols,
                                      std::span<const float> values, std::uint64_t block = 128,
                                      const std::string& scales_name = "") {
    const std::uint64_t scale_rows = (rows + block - 1) / block;
    const std::uint64_t scale_cols = (cols + block - 1) / block;
    std::vector<float> scales(scale_rows * scale_cols, 0.0F);
    const auto scale_of = [&](std::uint64_t i) -> float& {
      return scales[i / cols / block * scale_cols + i % cols / block];
    };
    for (std::uint64_t i = 0; i < values.size(); ++i) {
      scale_of(i) = std::fmax(scale_of(i), std::fabs(values[i]));
    }
    for (float& scale : scales) {
      scale = scale == 0 ? 1.0F : scale / static_cast<float>(kE4m3.largest);
    }
    std::string payload;
    std::vector<float> stored;
    for (std::uint64_t i = 0; i < values.size(); ++i) {
      const std::uint32_t bits = encode_small(kE4m3, static_cast<double>(values[i]) / scale_of(i));
      payload += static_cast<char>(bits);
      stored.push_back(static_cast<float>(decode_small(kE4m3, bits)) * scale_of(i));
    }
    add_bytes(name, "F8_E4M3", {rows, cols}, std::move(payload));
    add(scales_name.empty() ? name + "_scale_inv" : scales_name, "F32", {scale_rows, scale_cols}, scales);
    return stored;
  }

  // model.safetensors; the file's path.
  std::string write_single(const std::string& folder) const {
    return write_file(folder, "model.safetensors", 0, tensors_.size());
  }

  // model-0000i-of-0000n.safetensors of about as many tensors each, and model.safetensors.index.json.
  void write_sharded(const std::string& folder, std::size_t shards) const {
    nlohmann::json map = nlohmann::json::object();
    for (std::size_t shard = 0; shard < shards; ++shard) {
      const std::string name =
          "model-" + five_digits(shard + 1) + "-of-" + five_digits(shards) + ".safetensors";
      const std::size_t begin = tensors_.size() * shard / shards;
      const std::size_t end = tensors_.size() * (shard + 1) / shards;
      write_file(folder, name, begin, end);
      for (std::size_t i = begin; i < end; ++i) {
        map[tensors_[i].name] = name;
      }
    }
    std::ofstream(std::filesystem::path(folder) / "model.safetensors.index.json")
        << nlohmann::json{{"metadata", {{"total_size", 0}}}, {"weight_map", map}}.dump(2);
  }

  // The bytes of a file with these tensors, in the order they were added.
  std::string file_bytes() const { return file_bytes(0, tensors_.size()); }

 private:
  struct Tensor {
    std::string name;
    std::string type;
    Shape shape;
    std::string payload;
  };

  static std::string five_digits(std::size_t number) {
    const std::string digits = std::to_string(number);
    return std::string(5 - digits.size(), '0') + digits;
  }

  static float largest_of(std::span<const float> values) {
    float largest = 0;
    for (const float value : values) {
      largest = std::fmax(largest, std::fabs(value));
    }
    return largest;
  }

  template <class Element>
  static void append_element(Element element, std::string& payload) {
    payload.append(reinterpret_cast<const char*>(&element), sizeof element);
  }

  // Returns the number as it is stored.
  static double append(const std::string& type, float value, std::string& payload) {
    static const std::map<std::string, std::pair<SmallFloat, std::size_t>> kSmall = {
        {"F16", {kF16, 2}}, {"BF16", {kBf16, 2}}, {"F8_E4M3", {kE4m3, 1}}, {"F8_E5M2", {kE5m2, 1}}};
    if (const auto small = kSmall.find(type); small != kSmall.end()) {
      const std::uint32_t bits = encode_small(small->second.first, value);
      payload.append(reinterpret_cast<const char*>(&bits), small->second.second);
      return decode_small(small->second.first, bits);
    }
    if (type == "F64") {
      append_element(static_cast<double>(value), payload);
    } else if (type == "F32") {
      append_element(value, payload);
    } else if (type == "I64") {
      append_element(static_cast<std::int64_t>(value), payload);
    } else if (type == "I32") {
      append_element(static_cast<std::int32_t>(value), payload);
    } else if (type == "U8") {
      append_element(static_cast<std::uint8_t>(value), payload);
    } else {
      throw std::invalid_argument("no encoder for " + type);
    }
    return value;
  }

  std::string file_bytes(std::size_t begin, std::size_t end) const {
    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    header["__metadata__"] = {{"format", "pt"}};
    std::string payload;
    for (std::size_t i = begin; i < end; ++i) {
      const Tensor& tensor = tensors_[i];
      header[tensor.name] = {{"dtype", tensor.type},
                             {"shape", tensor.shape},
                             {"data_offsets", {payload.size(), payload.size() + tensor.payload.size()}}};
      payload += tensor.payload;
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    const std::uint64_t length = text.size();
    return std::string(reinterpret_cast<const char*>(&length), sizeof length) + text + payload;
  }

  std::string write_file(const std::string& folder, const std::string& name, std::size_t begin,
                         std::size_t end) const {
    std::filesystem::create_directories(folder);
    const std::string path = (std::filesystem::path(folder) / name).string();
    std::ofstream(path, std::ios::binary) << file_bytes(begin, end);
    return path;
  }

  std::vector<Tensor> tensors_;
};

}  // namespace moesim
