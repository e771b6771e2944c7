#pragma once
// XXH3, 64 bits: for identities of results and for turning text into random-number indices. Not for secrets.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace moesim {

std::uint64_t hash64(std::string_view bytes);
std::string to_hex(std::uint64_t value);  // 16 lower-case digits

// A hash that grows: the digest depends on all bytes added so far, in order.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void add_bytes(const void* bytes, std::size_t count);
  template <class T>
  void add(const T& value) {
    static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>);
    add_bytes(&value, sizeof value);
  }
  template <class T>
  void add_all(std::span<const T> values) {
    static_assert(std::is_arithmetic_v<T>);
    add_bytes(values.data(), values.size_bytes());
  }
  std::uint64_t digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace moesim
