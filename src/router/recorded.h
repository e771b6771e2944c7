#pragma once
// A recording's layers in memory, for router/recorded.cpp; engine/replay asks how much of it fits.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/binder.h"
#include "router/persistent_draw.h"

namespace moesim {

// One layer's choices, token after token; or, of counts, the law they are drawn by.
struct RecordedLayer {
  std::vector<Index> begin = {0};  // [T+1]
  std::vector<std::int32_t> expert;
  std::vector<float> weight;  // as long as expert, or empty
  DrawLaw law;                // of counts; else without inclusions

  Index num_tokens() const { return static_cast<Index>(begin.size()) - 1; }
};

struct RecordedTable {
  std::vector<RecordedLayer> layers;  // as many as the stack has
  Index most = 0;                     // experts of a token
  Index fewest = 0;
  std::uint64_t hash = 0;  // of all that is used
};

struct RecordedRequest {
  std::string path;
  std::string form;                // "": told by the file
  std::vector<std::string> where;  // "column=value"
  std::int64_t layer = -1;         // -1: the middle
  std::int64_t tokens = 0;         // 0: all
  std::int64_t top_k = 0;          // of counts; 0: what the file says
  Index num_layers = 1;
  Index num_experts = 0;
};

// Assignments of all layers that are kept in memory at most.
inline constexpr std::size_t kMostRecordedAssignments = std::size_t{1} << 25;

// What is wrong is reported at router.file, router.where, router.layer or router.tokens.
std::optional<RecordedTable> read_recorded_table(Binder& binder, const RecordedRequest& request);

}  // namespace moesim
