#include "core/hash.h"

#include <fmt/format.h>
#define XXH_INLINE_ALL  // compiled for this program's instruction set, not for the least one
#include <xxhash.h>

#include "core/error.h"

namespace moesim {

std::uint64_t hash64(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string to_hex(std::uint64_t value) {
  return fmt::format("{:016x}", value);
}

struct Hasher::State {
  XXH3_state_t* xxh = XXH3_createState();
  ~State() { XXH3_freeState(xxh); }
};

Hasher::Hasher() : state_(std::make_unique<State>()) {
  MOESIM_CHECK(state_->xxh != nullptr && XXH3_64bits_reset(state_->xxh) == XXH_OK, "no memory for a hash");
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::add_bytes(const void* bytes, std::size_t count) {
  if (count > 0) {
    XXH3_64bits_update(state_->xxh, bytes, count);
  }
}

std::uint64_t Hasher::digest() const {
  return XXH3_64bits_digest(state_->xxh);
}

}  // namespace moesim
