# moesim_room(name [COLD] ROOMS a b LIBS x y): one static library from every .cpp of src/<name>.
# ROOMS are the moesim rooms it uses (public), LIBS the outside libraries only its .cpp files use. COLD: nothing in it
# runs while time is measured, so a release build spends less time on optimising it.
function(moesim_room name)
  cmake_parse_arguments(ARG "COLD" "" "ROOMS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  add_library(moesim_${name} STATIC ${sources})
  target_include_directories(moesim_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
    $<INSTALL_INTERFACE:include/moesim>)
  if(ARG_COLD)
    target_compile_options(moesim_${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  endif()
  list(TRANSFORM ARG_ROOMS PREPEND moesim_)
  target_link_libraries(moesim_${name} PUBLIC ${ARG_ROOMS} PRIVATE moesim_flags ${ARG_LIBS})
endfunction()

# moesim_kernels(target folder): adds the kernels, the only files compiled for other instruction sets than the rest. They
# share no template and no inline function with it. Always optimised: a kernel that is not keeps its sums in memory.
function(moesim_kernels target folder)
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  target_sources(${target} PRIVATE ${sources})
  file(GLOB kernels CONFIGURE_DEPENDS ${folder}/kernels_*.cpp)
  set_property(SOURCE ${kernels} APPEND PROPERTY COMPILE_OPTIONS -O3)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    set_property(SOURCE ${folder}/kernels_avx2.cpp APPEND PROPERTY COMPILE_OPTIONS -mavx2 -mfma -mf16c)
    set_property(SOURCE ${folder}/kernels_avx2_dots.cpp APPEND PROPERTY COMPILE_OPTIONS -mavx2 -mfma)
    set_property(SOURCE ${folder}/kernels_avxvnni.cpp APPEND PROPERTY COMPILE_OPTIONS -mavx2 -mavxvnni)
    set(avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c)
    set_property(SOURCE ${folder}/kernels_avx512.cpp APPEND PROPERTY COMPILE_OPTIONS ${avx512})
    set_property(SOURCE ${folder}/kernels_vnni.cpp APPEND PROPERTY COMPILE_OPTIONS ${avx512} -mavx512vnni)
    set_property(SOURCE ${folder}/kernels_bf16.cpp APPEND PROPERTY COMPILE_OPTIONS ${avx512} -mavx512bf16)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC bug 105593: the intrinsics' own undefined registers.
    set_property(SOURCE ${folder}/kernels_avx512.cpp ${folder}/kernels_vnni.cpp ${folder}/kernels_bf16.cpp
      APPEND PROPERTY COMPILE_OPTIONS -Wno-maybe-uninitialized -Wno-uninitialized)
  endif()
endfunction()

# moesim_test(name LIBS …): one GoogleTest program from every .cpp of tests/<name>, "/" turned into "_".
function(moesim_test name)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  string(REPLACE "/" "_" target "test_${name}")
  string(REPLACE "unit_" "" target ${target})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  add_executable(${target} ${sources})
  target_link_libraries(${target} PRIVATE moesim_flags moesim_test_support ${ARG_LIBS})
  target_compile_definitions(${target} PRIVATE MOESIM_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    MOESIM_BINARY="$<TARGET_FILE:moesim>")
  gtest_discover_tests(${target} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 300)
endfunction()

# moesim_fuzz(name LIBS …): tests/fuzz/fuzz_<name>.cpp. Ordinary builds give it a main that replays its corpus and fixed
# variants of it, so that fuzz targets are built and run with the tests and cannot rot; a libFuzzer build (preset
# "fuzz") gives it libFuzzer's.
function(moesim_fuzz name)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  add_executable(fuzz_${name} fuzz/fuzz_${name}.cpp)
  target_link_libraries(fuzz_${name} PRIVATE moesim_flags ${ARG_LIBS})
  if(MOESIM_SANITIZE MATCHES "fuzzer")
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    return()
  endif()
  target_sources(fuzz_${name} PRIVATE fuzz/replay_main.cpp fuzz/mutate.cpp)
  target_link_libraries(fuzz_${name} PRIVATE moesim_core)
  add_test(NAME fuzz_${name} COMMAND fuzz_${name} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name})
  set_tests_properties(fuzz_${name} PROPERTIES TIMEOUT 300)
endfunction()

# moesim_canary(name report LIBS …): tests/canary/planted_<name>.cpp has a mistake on purpose; the test passes when
# the sanitizer says `report`.
function(moesim_canary name report)
  cmake_parse_arguments(ARG "" "" "LIBS" ${ARGN})
  add_executable(planted_${name} canary/planted_${name}.cpp)
  target_link_libraries(planted_${name} PRIVATE moesim_flags ${ARG_LIBS})
  add_test(NAME canary_${name} COMMAND planted_${name})
  set_tests_properties(canary_${name} PROPERTIES PASS_REGULAR_EXPRESSION "${report}")
endfunction()
