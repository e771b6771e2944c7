# cmake --install: the binary, the rooms as libraries, their headers, and find_package(moesim).
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(rooms core io config workload router dispatch experts models metrics trace balance store engine report page)
list(TRANSFORM rooms PREPEND moesim_ OUTPUT_VARIABLE libraries)
add_library(moesim_library INTERFACE)
target_link_libraries(moesim_library INTERFACE ${libraries})
set_target_properties(moesim_library PROPERTIES EXPORT_NAME moesim)

install(TARGETS moesim RUNTIME)
install(TARGETS moesim_library moesim_flags ${libraries} EXPORT moesim ARCHIVE)
install(EXPORT moesim NAMESPACE moesim:: FILE moesimTargets.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/moesim)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/src/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/moesim
  FILES_MATCHING PATTERN "*.h" PATTERN "cli" EXCLUDE)
write_basic_package_version_file(moesimConfigVersion.cmake COMPATIBILITY SameMinorVersion)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/moesimConfig.cmake.in moesimConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/moesim)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/moesimConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/moesimConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/moesim)

# The manual page, and what shells complete, at the places where man, bash-completion, fish and zsh look.
install(CODE "execute_process(COMMAND \"$<TARGET_FILE:moesim>\" man
  OUTPUT_FILE \"${CMAKE_CURRENT_BINARY_DIR}/moesim.1\" COMMAND_ERROR_IS_FATAL ANY)")
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/moesim.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
foreach(shell bash fish zsh)
  install(CODE "execute_process(COMMAND \"$<TARGET_FILE:moesim>\" completion ${shell}
    OUTPUT_FILE \"${CMAKE_CURRENT_BINARY_DIR}/completion.${shell}\" COMMAND_ERROR_IS_FATAL ANY)")
endforeach()
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/completion.bash RENAME moesim
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/completion.fish RENAME moesim.fish
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/completion.zsh RENAME _moesim
  DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
