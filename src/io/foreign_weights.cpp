#include "io/foreign_weights.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/text.h"

namespace moesim {
namespace {

enum class Kind { pickle, npz, npy, gguf, hdf5, compressed, lfs_pointer, zip };

struct Signature {
  std::string_view start;
  Kind kind;
  const char* what;
};
constexpr Signature kSignatures[] = {
    {"\x80\x02", Kind::pickle, "this is a Python pickle"},
    {"\x80\x03", Kind::pickle, "this is a Python pickle"},
    {"\x80\x04", Kind::pickle, "this is a Python pickle"},
    {"\x80\x05", Kind::pickle, "this is a Python pickle"},
    {"PK\x03\x04", Kind::zip, "this is a zip archive with a pickle, as torch.save writes it"},
    {"PK\x05\x06", Kind::zip, "this is an empty zip archive"},
    {"\x93NUMPY", Kind::npy, "this is a NumPy array"},
    {"GGUF", Kind::gguf, "this is a GGUF file"},
    {"\x89HDF", Kind::hdf5, "this is an HDF5 file"},
    {"\x1f\x8b", Kind::compressed, "this is compressed with gzip"},
    {"\x28\xb5\x2f\xfd", Kind::compressed, "this is compressed with zstd"},
    {"version https://git-lfs", Kind::lfs_pointer, "this is a Git LFS pointer, not the file itself"},
};

struct Ending {
  std::string_view ending;
  Kind kind;
};
constexpr Ending kEndings[] = {
    {".bin", Kind::pickle}, {".pt", Kind::pickle}, {".pth", Kind::pickle}, {".ckpt", Kind::pickle},
    {".pkl", Kind::pickle}, {".gguf", Kind::gguf}, {".h5", Kind::hdf5},    {".hdf5", Kind::hdf5},
    {".npz", Kind::npz},    {".npy", Kind::npy},
};

// The first name in a zip archive: its length is at byte 26, its text at byte 30 (PKWARE's APPNOTE 4.3.7).
std::string_view first_zip_name(std::string_view start) {
  if (start.size() < 30) {
    return {};
  }
  const auto byte = [start](std::size_t at) { return static_cast<unsigned char>(start[at]); };
  return start.substr(30, byte(26) + 256U * byte(27));
}

bool ends_with(std::string_view text, std::string_view ending) {
  return text.size() >= ending.size() && text.substr(text.size() - ending.size()) == ending;
}

// The path and the one it becomes, as two words of a shell.
std::string from_and_to(const std::string& path, const char* ending = ".safetensors") {
  const std::size_t slash = path.rfind('/');
  const std::size_t dot = path.rfind('.');
  const bool has_ending = dot != std::string::npos && (slash == std::string::npos || dot > slash + 1);
  const std::string stem = has_ending ? path.substr(0, dot) : path;
  return display_safe(shell_quoted(path)) + " " + display_safe(shell_quoted(stem + ending));
}

std::string help_for(Kind kind, const std::string& path) {
  switch (kind) {
    case Kind::pickle:
    case Kind::zip:
      return "a pickle can run code when it is opened, so it is never read; convert it: python3 -c 'import "
             "sys, torch; from safetensors.torch import save_file; save_file({k: v.contiguous().clone() for "
             "k, v in torch.load(sys.argv[1], map_location=\"cpu\", weights_only=True).items()}, "
             "sys.argv[2])' " +
             from_and_to(path);
    case Kind::npz:
      return "convert it: python3 -c 'import sys, numpy; from safetensors.numpy import save_file; "
             "save_file(dict(numpy.load(sys.argv[1], allow_pickle=False)), sys.argv[2])' " +
             from_and_to(path);
    case Kind::npy:
      return "convert it: python3 -c 'import sys, numpy; from safetensors.numpy import save_file; "
             "save_file({\"array\": numpy.load(sys.argv[1], allow_pickle=False)}, sys.argv[2])' " +
             from_and_to(path);
    case Kind::gguf:
      return "take the model's own safetensors files, or convert it: python3 -c 'import os, sys; from "
             "transformers import AutoModelForCausalLM as M; d, f = os.path.split(sys.argv[1]); "
             "M.from_pretrained(d or \".\", gguf_file=f).save_pretrained(sys.argv[2])' " +
             from_and_to(path, "-safetensors");  // a folder
    case Kind::hdf5:
      return "convert it: python3 -c 'import sys, h5py; from safetensors.numpy import save_file; d = {}; "
             "h5py.File(sys.argv[1]).visititems(lambda n, v: d.update({n: v[()]}) if isinstance(v, "
             "h5py.Dataset) else None); save_file(d, sys.argv[2])' " +
             from_and_to(path);
    case Kind::compressed:
      return "unpack it first";
    case Kind::lfs_pointer:
      return "type git lfs pull in the model's folder";
  }
  throw_internal(__FILE__, __LINE__, "an unknown kind of file");
}

}  // namespace

void refuse_foreign_weights(std::string_view start, const std::string& path) {
  for (const Signature& signature : kSignatures) {
    if (start.substr(0, signature.start.size()) != signature.start) {
      continue;
    }
    const bool arrays = signature.kind == Kind::zip && ends_with(first_zip_name(start), ".npy");
    throw Error(ErrorKind::bad_data,
                fmt::format("{}: error: byte 0: {}; expected a .safetensors file [safetensors-unsupported]",
                            display_safe(path),
                            arrays ? "this is a zip archive of NumPy arrays, as numpy.savez writes it"
                                   : signature.what),
                help_for(arrays ? Kind::npz : signature.kind, path));
  }
}

std::string help_for_weights_named(const std::string& path) {
  for (const Ending& ending : kEndings) {
    if (ends_with(path, ending.ending)) {
      return help_for(ending.kind, path);
    }
  }
  return "";
}

}  // namespace moesim
