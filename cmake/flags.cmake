# One instruction-set level for the whole tree: Eigen's inline templates must not be compiled at two.
set(default_arch "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND EXISTS /proc/cpuinfo)
  file(STRINGS /proc/cpuinfo cpu_flags REGEX "^flags" LIMIT_COUNT 1)
  set(has_v3 TRUE)
  foreach(flag avx2 fma bmi1 bmi2 f16c movbe abm)
    # A virtual machine may hide "abm"; lzcnt then still comes with bmi2 on every AVX2 processor.
    if(NOT flag STREQUAL "abm" AND NOT " ${cpu_flags} " MATCHES " ${flag} ")
      set(has_v3 FALSE)
    endif()
  endforeach()
  if(has_v3)
    set(default_arch "x86-64-v3")
  endif()
endif()
set(MOESIM_ARCH "${default_arch}" CACHE STRING
    "Instruction-set level for -march, for example x86-64-v3; empty: the compiler's default")

add_library(moesim_flags INTERFACE)
target_compile_options(moesim_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wno-sign-conversion -ffp-contract=off -fno-math-errno -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(moesim_flags INTERFACE -Wno-restrict) # GCC bug 105329: false alarms on std::string +
endif()
target_compile_definitions(moesim_flags INTERFACE EIGEN_DONT_PARALLELIZE EIGEN_MPL2_ONLY)
if(MOESIM_ARCH)
  target_compile_options(moesim_flags INTERFACE -march=${MOESIM_ARCH})
endif()
if(MOESIM_WERROR)
  target_compile_options(moesim_flags INTERFACE -Werror)
endif()
if(MOESIM_CHECKS)
  target_compile_definitions(moesim_flags INTERFACE MOESIM_CHECKS _GLIBCXX_ASSERTIONS)
endif()
if(MOESIM_SANITIZE)
  target_compile_options(moesim_flags INTERFACE -fsanitize=${MOESIM_SANITIZE}
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(moesim_flags INTERFACE -fsanitize=${MOESIM_SANITIZE})
  if(MOESIM_SANITIZE MATCHES "address" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Checks of every access to memory, half of GCC's compile time here. AddressSanitizer sees what they see but for
    # alignment, which preset fuzz (Clang) still checks where files are read.
    target_compile_options(moesim_flags INTERFACE -fno-sanitize=null,alignment,object-size,vptr)
  endif()
endif()
