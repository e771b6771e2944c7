#include "trace/kept_tokens.h"

#include <algorithm>

#include "trace/neighbours.h"

namespace moesim {

void KeptTokens::add(const ChoiceBlock& block) {
  const bool ids = !block.token_id.empty() && (place_.empty() || !token_id_.empty());
  if (!ids) {
    token_id_.clear();
  }
  for (Index t = 0; t < block.num_tokens() && !full(); ++t) {
    const auto i = static_cast<std::size_t>(t);
    for (const std::int32_t expert : choices_of(block, t)) {
      expert_.push_back(expert);
      experts_ = std::max(experts_, static_cast<Index>(expert) + 1);
    }
    begin_.push_back(static_cast<std::uint32_t>(expert_.size()));
    place_.push_back(block.first_token + i);
    sequence_.push_back(block.sequence[i]);
    if (ids) {
      token_id_.push_back(block.token_id[i]);
    }
  }
}

std::vector<std::pair<Index, Index>> KeptTokens::sequences() const {
  std::vector<std::pair<Index, Index>> ranges;
  for (Index t = 0; t < num_tokens(); ++t) {
    if (t == 0 || !continues(t)) {
      ranges.emplace_back(t, t);
    }
    ++ranges.back().second;
  }
  return ranges;
}

}  // namespace moesim
