#include "core/instruction_set.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace moesim {

#if defined(__x86_64__)
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
// F16C came before AVX2 and FMA on every processor that has them.
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
bool has_avx512_vnni() {
  return __builtin_cpu_supports("avx512vnni");
}
bool has_avx512_bf16() {
  return __builtin_cpu_supports("avx512bf16");
}
// Bit 4 of EAX, leaf 7, subleaf 1 (Intel's manual, volume 2, CPUID). Clang 14 has no name for it.
bool has_avx_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1U) != 0;
}
#else
bool has_avx512() {
  return false;
}
bool has_avx2() {
  return false;
}
bool has_avx512_vnni() {
  return false;
}
bool has_avx512_bf16() {
  return false;
}
bool has_avx_vnni() {
  return false;
}
#endif

}  // namespace moesim
