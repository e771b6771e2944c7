#pragma once
// What every workload shares: the two parameters of a stream, the empty batch, its blocks of rows, and how
// its section is bound.

#include <algorithm>
#include <optional>
#include <string>

#include "workload/variants.h"
#include "workload/workload.h"

namespace moesim {

struct StreamParams {
  std::int64_t tokens = 2048;  // T
  std::int64_t steps = 8;
};

// Params is derived from StreamParams.
template <class Params>
void describe_stream(Fields<Params>& f) {
  f.template add<std::int64_t>("tokens", &Params::tokens).range(0, 16777216).doc("tokens in a batch (T)");
  f.template add<std::int64_t>("steps", &Params::steps).range(1, 1000000000).doc("batches of a run");
}

// The parameters of the workload section; nothing when there were problems (the binder has them).
template <class Params>
std::optional<Params> bind_workload_section(Binder& binder, const Node& section) {
  const std::size_t problems = binder.diagnostics.list().size();
  Params params;
  bind_section(binder, &section, "workload", params, {"kind"}, kinds_with_key);
  if (binder.diagnostics.list().size() != problems) {
    return std::nullopt;
  }
  return params;
}

struct BatchShape {
  std::uint64_t first_token = 0;
  Index tokens = 0;  // >= 0
  Index d_model = 0;
};

// Room for the tokens; contents of hidden unspecified, ids and positions 0, domain empty.
TokenBatch make_batch(const BatchShape& shape);

// Bytes of a batch of `tokens` tokens with a label each.
std::uint64_t batch_bytes(Index tokens, Index d_model);

// Calls body(first, last) in parallel for blocks of a fixed number of rows [first, last) of [begin, end).
template <class Body>
void for_each_row_block(const Context& context, Index begin, Index end, const Body& body) {
  constexpr Index kBlockRows = 64;
  context.for_each_block((end - begin + kBlockRows - 1) / kBlockRows, [&](Index block) {
    const Index first = begin + block * kBlockRows;
    body(first, std::min(first + kBlockRows, end));
  });
}

// Calls body(r) for each row r in [begin, end), in parallel over such blocks.
template <class Body>
void for_each_row(const Context& context, Index begin, Index end, const Body& body) {
  for_each_row_block(context, begin, end, [&](Index first, Index last) {
    for (Index r = first; r < last; ++r) {
      body(r);
    }
  });
}

// "cluster 0", "cluster 1" … for labels that are few enough to be listed; empty above kMaxNamedDomains.
inline constexpr std::int64_t kMaxNamedDomains = 256;
std::vector<std::string> numbered_domains(const std::string& word, std::int64_t count);

}  // namespace moesim
