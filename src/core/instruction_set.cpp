#include "core/instruction_set.h"

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
#else
bool has_avx512() {
  return false;
}
bool has_avx2() {
  return false;
}
#endif

}  // namespace moesim
