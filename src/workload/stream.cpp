#include "workload/stream.h"

#include "core/checked.h"

namespace moesim {

TokenBatch make_batch(const BatchShape& shape) {
  MOESIM_CHECK(shape.tokens >= 0, "a slice has a negative number of tokens");
  const auto count = static_cast<std::size_t>(shape.tokens);
  TokenBatch batch;
  batch.first_token = shape.first_token;
  batch.hidden.resize(shape.tokens, shape.d_model);
  batch.token_id.resize(count);
  batch.sequence_id.resize(count);
  batch.position.resize(count);
  return batch;
}

std::uint64_t batch_bytes(Index tokens, Index d_model) {
  constexpr std::uint64_t kBytesBesideHidden = 3 * sizeof(std::uint32_t) + sizeof(std::uint64_t);
  const std::uint64_t row =
      checked_add(checked_mul(static_cast<std::uint64_t>(d_model), sizeof(float), "a token"),
                  kBytesBesideHidden, "a token");
  return checked_mul(static_cast<std::uint64_t>(tokens), row, "a batch of tokens");
}

std::vector<std::string> numbered_domains(const std::string& word, std::int64_t count) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < count && count <= kMaxNamedDomains; ++i) {
    names.push_back(word + " " + std::to_string(i));
  }
  return names;
}

}  // namespace moesim
