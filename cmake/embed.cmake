# moesim_embed(target directory files…): makes the files part of the binary, readable through io/assets.h
# under their paths relative to `directory`.
function(moesim_embed target directory)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_assets.cpp)
  list(TRANSFORM ARGN PREPEND ${directory}/ OUTPUT_VARIABLE paths)
  list(JOIN ARGN "," joined)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DDIRECTORY=${directory} -DFILES=${joined} -DOUTPUT=${output}
            -P ${PROJECT_SOURCE_DIR}/cmake/write_assets.cmake
    DEPENDS ${paths} ${PROJECT_SOURCE_DIR}/cmake/write_assets.cmake VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
