// Opening checkpoints and reading their tensors; headers are understood in safetensors_header.cpp, the index
// in safetensors_index.cpp.
#include "io/safetensors.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "core/error.h"
#include "core/text.h"
#include "io/contained_folder.h"
#include "io/foreign_weights.h"
#include "io/number_formats.h"
#include "io/positioned_read.h"
#include "io/safetensors_header.h"
#include "io/safetensors_index.h"

namespace moesim {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are read as they lie in the file");

constexpr const char* kIndexName = "model.safetensors.index.json";
constexpr std::string_view kIndexEnding = ".safetensors.index.json";
constexpr std::string_view kEnding = ".safetensors";
constexpr std::size_t kMostTensors = 1'000'000;          // of all shards, as of one
constexpr std::uint64_t kMostHeaderBytes = 200'000'000;  // of all shards; of one half of it
constexpr std::size_t kSlice = 64 * 1024;                // bytes decoded at once

bool ends_with(std::string_view text, std::string_view ending) {
  return text.size() >= ending.size() && text.substr(text.size() - ending.size()) == ending;
}

bool is_folder(const std::string& path) {
  struct stat status {};
  return path.find('\0') == std::string::npos && ::stat(path.c_str(), &status) == 0 &&
         S_ISDIR(status.st_mode);
}

struct Shard {
  std::string name;  // in its folder; or the path itself
  FileIdentity identity;
};

// "[3, 5]", of a scalar "[]".
std::string shown_place(const TensorInfo& tensor, std::uint64_t element) {
  std::vector<std::uint64_t> place(tensor.shape.size());
  for (std::size_t i = place.size(); i-- > 0;) {
    place[i] = element % tensor.shape[i];
    element /= tensor.shape[i];
  }
  return fmt::format("[{}]", fmt::join(place, ", "));
}

void decode(TensorType type, std::span<const std::byte> bytes, std::span<float> out) {
  switch (type) {
    case TensorType::f64:
      return decode_f64(bytes, out);
    case TensorType::f32:
      std::memcpy(out.data(), bytes.data(), bytes.size());
      return;
    case TensorType::f16:
      return decode_f16(bytes, out);
    case TensorType::bf16:
      return decode_bf16(bytes, out);
    case TensorType::f8_e4m3:
      return decode_f8_e4m3(bytes, out);
    case TensorType::f8_e5m2:
      return decode_f8_e5m2(bytes, out);
    case TensorType::i64:
    case TensorType::u64:
    case TensorType::i32:
    case TensorType::u32:
    case TensorType::i16:
    case TensorType::u16:
    case TensorType::i8:
    case TensorType::u8:
    case TensorType::boolean:
    case TensorType::other:
      break;
  }
  throw_internal(__FILE__, __LINE__, "a type that is not a float");
}

template <class Element>
std::int64_t whole_at(const std::byte* from) {
  Element element;
  std::memcpy(&element, from, sizeof element);
  return static_cast<std::int64_t>(+element);  // as an int first: a char is no number to lint
}

// A u64 beyond the largest int64 comes out negative.
std::int64_t whole_number(TensorType type, const std::byte* from) {
  switch (type) {
    case TensorType::i64:
      return whole_at<std::int64_t>(from);
    case TensorType::u64:
      return whole_at<std::uint64_t>(from);
    case TensorType::i32:
      return whole_at<std::int32_t>(from);
    case TensorType::u32:
      return whole_at<std::uint32_t>(from);
    case TensorType::i16:
      return whole_at<std::int16_t>(from);
    case TensorType::u16:
      return whole_at<std::uint16_t>(from);
    case TensorType::i8:
      return whole_at<std::int8_t>(from);
    case TensorType::u8:
    case TensorType::boolean:
      return whole_at<std::uint8_t>(from);
    case TensorType::f64:
    case TensorType::f32:
    case TensorType::f16:
    case TensorType::bf16:
    case TensorType::f8_e4m3:
    case TensorType::f8_e5m2:
    case TensorType::other:
      break;
  }
  throw_internal(__FILE__, __LINE__, "a type that is no whole number");
}

}  // namespace

struct TensorFolder::Impl {
  std::optional<ContainedFolder> folder;  // none: one file that the user named
  std::vector<Shard> files;
  std::vector<std::string> paths;  // of files
  std::vector<TensorInfo> tensors;
  std::uint64_t header_bytes = 0;

  OpenFile open(const std::string& name) const {
    return folder ? folder->open(name) : open_regular_file(name);
  }

  void add_shard(const std::string& name);
  void add_index(const std::string& name);
  void add_all_files();
  void sort_tensors();
  [[noreturn]] void throw_no_files() const;
  void compare(const SafetensorsIndex& index, const std::string& path) const;

  // Bytes of a shard, in pieces of one reading.
  class Reading {
   public:
    Reading(const Impl& impl, std::uint32_t shard)
        : path_(impl.paths[shard]),
          identity_(impl.files[shard].identity),
          file_(impl.open(impl.files[shard].name)) {
      if (identity_of(file_.status) != identity_) {
        throw_file_changed(path_);
      }
    }
    void read(std::uint64_t offset, std::span<std::byte> out) const {
      read_fully(path_, file_.descriptor.get(), {reinterpret_cast<char*>(out.data()), out.size()}, offset);
    }
    void finish() const { check_unchanged(path_, file_.descriptor.get(), identity_); }

   private:
    const std::string& path_;
    const FileIdentity& identity_;
    OpenFile file_;
  };
};

void TensorFolder::Impl::add_shard(const std::string& name) {
  const std::string path = folder ? folder->path_of(name) : name;
  const OpenFile file = open(name);
  const FileIdentity identity = identity_of(file.status);
  std::string bytes(std::min(identity.size, kSafetensorsStart), '\0');
  read_fully(path, file.descriptor.get(), bytes, 0);
  const std::uint64_t offset = safetensors_payload_offset(bytes, identity.size, path);
  header_bytes += offset;
  if (header_bytes > kMostHeaderBytes) {
    throw Error(
        ErrorKind::bad_data,
        fmt::format("{}: error: the headers up to this file have {} bytes; expected at most {} in one "
                    "folder [safetensors-unsupported]",
                    shown_path(path), header_bytes, kMostHeaderBytes));
  }
  const std::size_t known = std::min<std::size_t>(bytes.size(), offset);
  bytes.resize(offset);
  read_fully(path, file.descriptor.get(), std::span(bytes).subspan(known), known);
  SafetensorsHeader header = parse_safetensors_header(bytes, identity.size, path);
  check_unchanged(path, file.descriptor.get(), identity);
  if (header.tensors.size() > kMostTensors - tensors.size()) {
    throw Error(ErrorKind::bad_data,
                fmt::format("{}: error: more than {} tensors up to this file; expected fewer in one folder "
                            "[safetensors-unsupported]",
                            shown_path(path), kMostTensors));
  }
  for (TensorInfo& tensor : header.tensors) {
    tensor.shard = static_cast<std::uint32_t>(files.size());
    tensors.push_back(std::move(tensor));
  }
  files.push_back({.name = name, .identity = identity});
  paths.push_back(path);
}

void TensorFolder::Impl::sort_tensors() {
  if (files.size() > 1) {  // one file's are sorted
    std::sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
      const int order = a.name.compare(b.name);
      return order != 0 ? order < 0 : a.shard < b.shard;
    });
  }
  const auto twice =
      std::adjacent_find(tensors.begin(), tensors.end(),
                         [](const TensorInfo& a, const TensorInfo& b) { return a.name == b.name; });
  if (twice != tensors.end()) {
    throw Error(
        ErrorKind::bad_data,
        fmt::format("{}: error: tensor '{}' is in {} too; expected each tensor in one file "
                    "[safetensors-malformed]",
                    shown_path(paths[std::next(twice)->shard]), display_safe(twice->name),
                    shown_path(paths[twice->shard])),
        fmt::format("the folder may hold one model in two forms: add its {}, or name one file", kIndexName));
  }
}

void TensorFolder::Impl::add_all_files() {
  const std::vector<std::string> names = folder->names_ending_in(kEnding, kMostShards + 1);
  if (names.empty()) {
    throw_no_files();
  }
  if (names.size() > kMostShards) {
    throw Error(ErrorKind::bad_data,
                fmt::format("{}: error: more than {} files *.safetensors; expected fewer "
                            "[safetensors-unsupported]",
                            shown_path(folder->path()), kMostShards));
  }
  for (const std::string& name : names) {
    add_shard(name);
  }
  sort_tensors();
}

void TensorFolder::Impl::throw_no_files() const {
  std::string help = "name a folder with .safetensors files";
  for (const char* const ending : {".bin", ".pt", ".pth", ".ckpt", ".gguf", ".h5", ".npz"}) {
    const std::vector<std::string> others = folder->names_ending_in(ending, kMostShards);
    if (!others.empty()) {
      help = help_for_weights_named(folder->path_of(others.front()));
      break;
    }
  }
  throw Error(ErrorKind::missing_input,
              fmt::format("{}: error: no file *.safetensors is there; expected a folder with weights "
                          "[file-missing]",
                          shown_path(folder->path())),
              help);
}

void TensorFolder::Impl::add_index(const std::string& name) {
  const std::string path = folder->path_of(name);
  const OpenFile file = folder->open(name);
  const FileIdentity identity = identity_of(file.status);
  if (identity.size > kLongestIndex) {
    throw Error(ErrorKind::bad_data,
                fmt::format("{}: error: the file is {} bytes long; expected at most {} bytes "
                            "[file-too-large]",
                            shown_path(path), identity.size, kLongestIndex));
  }
  std::string text(identity.size, '\0');
  read_fully(path, file.descriptor.get(), text, 0);
  check_unchanged(path, file.descriptor.get(), identity);
  const SafetensorsIndex index = parse_safetensors_index(text, path);
  for (const std::string& shard : index.shards) {
    if (!folder->has(shard)) {
      throw Error(
          ErrorKind::missing_input,
          fmt::format("{}: error: the index names this file and it is not there; expected all files of "
                      "the index [file-missing]",
                      shown_path(folder->path_of(shard))),
          "download it, or name a folder that has the files you want and no index");
    }
    add_shard(shard);
  }
  sort_tensors();
  compare(index, path);
}

// Both are sorted by name.
void TensorFolder::Impl::compare(const SafetensorsIndex& index, const std::string& path) const {
  auto entry = index.tensors.begin();
  auto tensor = tensors.begin();
  while (entry != index.tensors.end() || tensor != tensors.end()) {
    const bool no_entry =
        entry == index.tensors.end() || (tensor != tensors.end() && tensor->name < entry->tensor);
    const bool no_tensor = tensor == tensors.end() || (!no_entry && entry->tensor < tensor->name);
    if (no_entry) {
      throw Error(
          ErrorKind::bad_data,
          fmt::format("{}: error: tensor '{}' is not in the index; expected the tensors that it names "
                      "[safetensors-index]",
                      shown_path(paths[tensor->shard]), display_safe(tensor->name)));
    }
    if (no_tensor || entry->shard != tensor->shard) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("{}: error: byte {}: tensor '{}' is {}; expected it in {} [safetensors-index]",
                              shown_path(path), entry->at, display_safe(entry->tensor),
                              no_tensor ? "in no file" : "in " + display_safe(files[tensor->shard].name),
                              display_safe(index.shards[entry->shard])));
    }
    ++entry;
    ++tensor;
  }
}

TensorFolder::TensorFolder(const std::string& path) : impl_(std::make_unique<Impl>()) {
  if (ends_with(path, kIndexEnding)) {
    const std::size_t slash = path.rfind('/');
    impl_->folder.emplace(slash == std::string::npos ? "." : path.substr(0, slash + 1));
    impl_->add_index(slash == std::string::npos ? path : path.substr(slash + 1));
  } else if (is_folder(path)) {
    impl_->folder.emplace(path);
    if (impl_->folder->has(kIndexName)) {
      impl_->add_index(kIndexName);
    } else {
      impl_->add_all_files();
    }
  } else {
    impl_->add_shard(path);
    impl_->sort_tensors();
  }
}

TensorFolder::~TensorFolder() = default;

const std::vector<TensorInfo>& TensorFolder::tensors() const {
  return impl_->tensors;
}

const TensorInfo* TensorFolder::find(std::string_view name) const {
  const auto found = std::lower_bound(impl_->tensors.begin(), impl_->tensors.end(), name,
                                      [](const TensorInfo& a, std::string_view b) { return a.name < b; });
  return found != impl_->tensors.end() && found->name == name ? &*found : nullptr;
}

const std::vector<std::string>& TensorFolder::shards() const {
  return impl_->paths;
}

std::string TensorFolder::where(const TensorInfo& tensor) const {
  return fmt::format("{}: tensor '{}'", shown_path(impl_->paths[tensor.shard]), display_safe(tensor.name));
}

void TensorFolder::read_bytes(const TensorInfo& tensor, std::uint64_t first, std::span<std::byte> out) const {
  const std::uint64_t length = tensor.end - tensor.begin;
  MOESIM_CHECK(first <= length && out.size() <= length - first, "bytes that the tensor does not have");
  const Impl::Reading reading(*impl_, tensor.shard);
  reading.read(tensor.begin + first, out);
  reading.finish();
}

namespace {

void check_range(const TensorInfo& tensor, std::uint64_t first, std::size_t count) {
  const std::uint64_t elements = tensor.elements();
  MOESIM_CHECK(first <= elements && count <= elements - first, "elements that the tensor does not have");
}

}  // namespace

void TensorFolder::read(const TensorInfo& tensor, std::uint64_t first, std::span<float> out) const {
  check_range(tensor, first, out.size());
  if (!tensor.is_float()) {
    throw Error(ErrorKind::bad_data,
                fmt::format("{}: error: its type is {}; expected F64, F32, F16, BF16, F8_E4M3 or F8_E5M2 "
                            "[safetensors-unsupported]",
                            where(tensor), tensor.type_name));
  }
  const std::size_t size = tensor.bits / 8;
  std::vector<std::byte> slice(std::min(kSlice, out.size() * size));
  const Impl::Reading reading(*impl_, tensor.shard);
  for (std::size_t done = 0; done < out.size();) {
    const std::span<float> part = out.subspan(done, std::min(slice.size() / size, out.size() - done));
    const std::span<std::byte> bytes = std::span(slice).first(part.size() * size);
    reading.read(tensor.begin + (first + done) * size, bytes);
    decode(tensor.type, bytes, part);
    if (const std::size_t bad = find_not_finite(part); bad < part.size()) {
      double value = part[bad];
      if (tensor.type == TensorType::f64) {
        std::memcpy(&value, bytes.data() + bad * size, sizeof value);
      }
      reading.finish();
      throw Error(ErrorKind::bad_data,
                  fmt::format("{}: error: element {} is {}; expected a finite float32 [not-finite]",
                              where(tensor), shown_place(tensor, first + done + bad),
                              std::isnan(value) ? "nan" : fmt::format("{}", value)));
    }
    done += part.size();
  }
  reading.finish();
}

void TensorFolder::read_whole(const TensorInfo& tensor, std::uint64_t first,
                              std::span<std::int64_t> out) const {
  check_range(tensor, first, out.size());
  if (tensor.is_float() || tensor.type == TensorType::other) {
    throw Error(
        ErrorKind::bad_data,
        fmt::format("{}: error: its type is {}; expected whole numbers (I64, U64, I32, U32, I16, U16, "
                    "I8, U8 or BOOL) [safetensors-unsupported]",
                    where(tensor), tensor.type_name));
  }
  const std::size_t size = tensor.bits / 8;
  std::vector<std::byte> bytes(out.size() * size);
  read_bytes(tensor, first * size, bytes);
  const std::int64_t most = tensor.type == TensorType::boolean ? 1 : std::numeric_limits<std::int64_t>::max();
  const bool may_be_negative = tensor.type != TensorType::u64;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = whole_number(tensor.type, bytes.data() + i * size);
    if (out[i] > most || (out[i] < 0 && !may_be_negative)) {
      throw Error(
          ErrorKind::bad_data,
          fmt::format("{}: error: element {} is {}; expected at most {} [out-of-range]", where(tensor),
                      shown_place(tensor, first + i), static_cast<std::uint64_t>(out[i]), most));
    }
  }
}

}  // namespace moesim
