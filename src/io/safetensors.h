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
#include <utility>
#include <vector>

#include "core/matrix.h"

namespace moesim {

// The types that can be decoded; `other` are known by name and size only (F4, F6_E2M3, F6_E3M2, F8_E8M0,
// F8_E4M3FNUZ, F8_E5M2FNUZ, C64). u8 also holds MXFP4's packed blocks and scales.
enum class TensorType {
  f64,
  f32,
  f16,
  bf16,
  f8_e4m3,
  f8_e5m2,
  i64,
  u64,
  i32,
  u32,
  i16,
  u16,
  i8,
  u8,
  boolean,
  other
};

struct TensorInfo {
  std::string name;
  TensorType type = TensorType::other;
  std::string_view type_name;        // as the header says it, "BF16"; valid for ever
  unsigned bits = 0;                 // of an element
  std::uint32_t shard = 0;           // place in TensorFolder::shards()
  std::vector<std::uint64_t> shape;  // at most 8; their product times the bits is the payload's length
  std::uint64_t begin = 0;           // bytes of the shard, from its start
  std::uint64_t end = 0;

  std::uint64_t elements() const;                                // product of the shape; of a scalar 1
  bool is_float() const { return type <= TensorType::f8_e5m2; }  // read() takes it
};

// One checkpoint: `path` is a .safetensors file, an index (*.safetensors.index.json), or a folder with
// model.safetensors.index.json, or else with *.safetensors files. With an index only its shards are read, and
// it and they must agree on every tensor. Throws Error(missing_input) or Error(bad_data) naming file, byte
// and tensor.
//
// Files are opened by their bare names below the folder, whose links may not lead out of it; a snapshot of
// the Hugging Face cache may link to its own blobs. Const after construction; reading may go on from several
// threads. No shard stays open: each reading opens it anew and makes sure that it is the file it was.
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
  // of 8-bit types. Throws Error(bad_data) where is_float() does not hold.
  void read(const TensorInfo& tensor, std::uint64_t first, std::span<float> out) const;
  // The same of whole numbers and booleans (0 or 1, else an error); a u64 beyond 2^63−1 is an error.
  void read_whole(const TensorInfo& tensor, std::uint64_t first, std::span<std::int64_t> out) const;
  // The bytes as they are, from the tensor's byte `first` on: of every type.
  void read_bytes(const TensorInfo& tensor, std::uint64_t first, std::span<std::byte> out) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Tensors of one new file, wide elements first and then by name, in the order of the reference
// implementation. Written through a temporary file that is synced and renamed. The same tensors
// give the same bytes. Types are the format's, names UTF-8, payloads as long as type and shape say
// (MOESIM_CHECK). Throws Error(bad_data) where a name stands twice or a limit of the reader is passed,
// Error(cannot_create) and Error(write_failed).
struct TensorToWrite {
  std::string name;
  std::string type_name;  // "F32"
  std::vector<std::uint64_t> shape;
  std::string_view payload;  // little-endian, row-major
};
using TensorMetadata = std::vector<std::pair<std::string, std::string>>;  // {{"format", "pt"}}
void write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                       const TensorMetadata& metadata = {});

}  // namespace moesim
