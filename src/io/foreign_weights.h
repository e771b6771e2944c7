#pragma once
// Weights in other formats than safetensors: told by their first bytes or their names, never read, and what
// to type to convert them.

#include <string>
#include <string_view>

namespace moesim {

// Throws Error(bad_data) [safetensors-unsupported] where `start`, the first bytes of the file `path`, is that
// of a pickle, a zip archive, GGUF, HDF5, NumPy, compressed data or a Git LFS pointer. Returns otherwise.
void refuse_foreign_weights(std::string_view start, const std::string& path);

// What to type for a file of such a name ("pytorch_model.bin"); "" where the name says nothing.
std::string help_for_weights_named(const std::string& path);

}  // namespace moesim
