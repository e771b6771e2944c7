// What the kernels of every instruction set begin with: vectors of the compiler. Each kernels_<set>.cpp includes this
// file inside its own unnamed namespace, after it has defined
//   kLanes  V, the lanes of a vector
// No name here has external linkage, and nothing of the standard library is used but the types of <cstdint>.

using Vec = float __attribute__((vector_size(4 * kLanes)));
using IntVec = std::int32_t __attribute__((vector_size(4 * kLanes)));
using UintVec = std::uint32_t __attribute__((vector_size(4 * kLanes)));

// Any plain value, from any address.
template <class V>
V load_as(const void* from) {
  V v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}
template <class V>
void store_as(void* to, V v) {
  __builtin_memcpy(to, &v, sizeof v);
}

[[maybe_unused]] Vec splat(float x) {
  return x - Vec{};  // minus zero leaves every x as it is, so that the compiler makes it a plain broadcast
}
[[maybe_unused]] Vec load(const float* from) {
  return load_as<Vec>(from);
}
[[maybe_unused]] void store(float* to, Vec v) {
  store_as(to, v);
}
