#pragma once
// Checkpoints in the safetensors form: one file, or a folder of shards with or without an index. Read
// strictly, by pread, and only what is asked for; a folder of any size opens at once.
//
// Format: huggingface/safetensors, README.md (8 bytes of header length, JSON header, payload).

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/matrix.h"

namespace moesim {

// The types that can be decoded, and those that are known by name only. u8 holds MXFP4's packed blocks and
// scales.
enum class TensorType { f64, f32, f16, bf16, f8_e4m3, f8_e5m2, u8, other };

struct TensorInfo {
  std::string name;
  TensorType type = TensorType::other;
  std::string type_name;             // as the header says it, "BF16"
  std::vector<std::uint64_t> shape;  // their product times the type's size is the payload's length
  std::uint32_t shard = 0;           // place in TensorFolder::shards()
  std::uint64_t begin = 0;           // bytes of the shard, from its start
  std::uint64_t end = 0;

  std::uint64_t elements() const;  // product of the shape; of a scalar 1
};

// One checkpoint: `path` is a .safetensors file, or a folder with model.safetensors.index.json, or with
// *.safetensors files. Throws Error(missing_input) or Error(bad_data) naming file, byte offset and tensor.
// Const after construction; reading may go on from several threads. A shard that changes while open is an
// error.
class TensorFolder {
 public:
  explicit TensorFolder(const std::string& path);
  ~TensorFolder();
  TensorFolder(const TensorFolder&) = delete;
  TensorFolder& operator=(const TensorFolder&) = delete;

  const std::vector<TensorInfo>& tensors() const;       // by name
  const TensorInfo* find(std::string_view name) const;  // or nullptr
  const std::vector<std::string>& shards() const;       // paths
  std::string where(const TensorInfo& tensor) const;    // for messages: "model-00001.safetensors: tensor 'x'"

  // Elements [first, first + out.size()) in row-major order as float32, exactly (f64 is rounded to nearest,
  // and one beyond float32 is an error). NaN and infinity are errors that name tensor and element, also those
  // of 8-bit types. Throws Error(bad_data) where the type cannot be decoded.
  void read(const TensorInfo& tensor, std::uint64_t first, std::span<float> out) const;
  // The bytes as they are: of u8, and of types this class cannot decode.
  void read_bytes(const TensorInfo& tensor, std::uint64_t first, std::span<std::byte> out) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Tensors of one new file. Written through a temporary file that is synced and renamed.
struct TensorToWrite {
  std::string name;
  std::string type_name;  // "F32"
  std::vector<std::uint64_t> shape;
  std::string_view payload;  // little-endian, row-major
};
void write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors);

}  // namespace moesim
