#include "workload/vector_table.h"

#include <algorithm>

namespace moesim {

std::uint32_t VectorTable::slot(std::uint64_t id) {
  const auto [found, is_new] = slot_of_.try_emplace(id, static_cast<std::uint32_t>(ids_.size()));
  if (is_new) {
    ids_.push_back(id);
  }
  return found->second;
}

void VectorTable::fill(const Context& context, RandomKey key,
                       const std::function<std::uint64_t(std::uint64_t)>& index_of) {
  constexpr Index kBlockVectors = 16;
  vectors_.resize(size(), width_);
  context.for_each_block((size() + kBlockVectors - 1) / kBlockVectors, [&](Index block) {
    const Index first = block * kBlockVectors;
    const Index last = std::min(first + kBlockVectors, size());
    for (Index i = first; i < last; ++i) {
      fill_normal(key, index_of(ids_[static_cast<std::size_t>(i)]), 1.0F, vectors_.row(i));
    }
  });
}

void VectorTable::clear() {
  slot_of_.clear();
  ids_.clear();
}

Index VectorTable::limit(Index width) {
  constexpr Index kMaxFloats = Index{1} << 22;  // 16 MiB
  return std::max<Index>(1, kMaxFloats / std::max<Index>(1, width));
}

}  // namespace moesim
