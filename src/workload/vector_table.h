#pragma once
// The vectors that a run of rows needs, each computed once however often it occurs. Which vectors share a
// table never changes their bits: each is a function of its own random index.

#include <cstdint>
#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/matrix.h"
#include "core/parallel.h"
#include "core/random.h"

namespace moesim {

class VectorTable {
 public:
  explicit VectorTable(Index width) : width_(width) {}

  // The place of item `id` in the table, the same for each call with this id; its vector is not there yet.
  std::uint32_t slot(std::uint64_t id);
  Index size() const { return static_cast<Index>(ids_.size()); }

  // Computes all vectors: independent normal numbers of deviation 1, item number index_of(id) of `key`.
  void fill(const Context& context, RandomKey key,
            const std::function<std::uint64_t(std::uint64_t)>& index_of);
  std::span<const float> vector(std::uint32_t slot) const { return vectors_.row(static_cast<Index>(slot)); }

  void clear();

  // How many vectors a table may hold so that a long slice, made in several passes, needs bounded memory.
  static Index limit(Index width);

 private:
  Index width_;
  std::unordered_map<std::uint64_t, std::uint32_t> slot_of_;
  std::vector<std::uint64_t> ids_;
  Matrix vectors_;
};

}  // namespace moesim
