#include "core/build_info.h"

#include <fmt/format.h>
#include <tbb/version.h>

#include <Eigen/Core>

namespace moesim {

BuildInfo build_info() {
  BuildInfo info;
  info.version = MOESIM_VERSION;
  info.revision = MOESIM_REVISION;
#if defined(__clang__)
  info.compiler = fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  info.compiler = fmt::format("gcc {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
  info.build_type = MOESIM_BUILD_TYPE;
  info.arch = std::string(MOESIM_ARCH).empty() ? "default" : MOESIM_ARCH;
  info.sanitizers = MOESIM_SANITIZE;
  info.eigen = fmt::format("{}.{}.{}", EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION);
  info.tbb = fmt::format("{}.{}", TBB_VERSION_MAJOR, TBB_VERSION_MINOR);
#ifdef MOESIM_CHECKS
  info.checks = true;
#endif
#ifdef NDEBUG
  info.optimised = true;
#endif
  return info;
}

bool processor_can_run(std::string& missing) {
  missing.clear();
#if defined(__x86_64__)
#if defined(__AVX512F__)
  if (!__builtin_cpu_supports("avx512f")) {
    missing = "avx512f";
  }
#endif
#if defined(__AVX2__)
  if (!__builtin_cpu_supports("avx2")) {
    missing = "avx2";
  }
#endif
#if defined(__FMA__)
  if (!__builtin_cpu_supports("fma")) {
    missing = "fma";
  }
#endif
#if defined(__BMI2__)
  if (!__builtin_cpu_supports("bmi2")) {
    missing = "bmi2";
  }
#endif
#endif
  return missing.empty();
}

}  // namespace moesim
