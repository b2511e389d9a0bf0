# Language, warnings, sanitizers and where binaries land.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

option(SUPPRESSD_BUILD_TESTS "Build the tests" ON)
option(SUPPRESSD_BUILD_BENCHMARKS "Build tests/benchmarks" ON)
option(SUPPRESSD_BUILD_FUZZERS "Build the fuzz targets with libFuzzer (needs clang)" OFF)
set(SUPPRESSD_SANITIZE "" CACHE STRING "Value of -fsanitize=, empty for none")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Without this ccache keeps nothing that was compiled with precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
endif()

# As gRPC has it: precompiled headers serve libraries with and without gRPC.
add_compile_options(-fno-omit-frame-pointer -pthread)
if(SUPPRESSD_SANITIZE)
  add_compile_options(-fsanitize=${SUPPRESSD_SANITIZE})
  add_link_options(-fsanitize=${SUPPRESSD_SANITIZE})
  if(SUPPRESSD_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

# fuzzed_library(TARGET...): libFuzzer learns from the branches that an input takes in these, too, not only in the fuzz
# target's own code.
function(fuzzed_library)
  if(SUPPRESSD_BUILD_FUZZERS)
    foreach(target ${ARGN})
      target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    endforeach()
  endif()
endfunction()

# Warnings are errors in our code; generated code does not get them.
add_library(suppressd_warnings INTERFACE)
target_compile_options(suppressd_warnings INTERFACE -Wall -Wextra -Werror -Wno-unused-parameter)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(suppressd_warnings INTERFACE -Wthread-safety)
else()
  target_compile_options(suppressd_warnings INTERFACE -Wshadow=local)
endif()

# What is called now and then, or is a mere conversion, is compiled to be small: an image holds all of it.
set(SMALL_CODE)
if(NOT SUPPRESSD_SANITIZE)
  set(SMALL_CODE -Os)
endif()

# The programs of the image: without what is never called, and with relocations in short (glibc 2.36).
include(CheckLinkerFlag)
check_linker_flag(CXX "-Wl,-z,pack-relative-relocs" SUPPRESSD_PACKS_RELOCATIONS)
function(small_program target)
  target_link_options(${target} PRIVATE -Wl,--gc-sections)
  if(SUPPRESSD_PACKS_RELOCATIONS AND NOT SUPPRESSD_SANITIZE)
    target_link_options(${target} PRIVATE -Wl,-z,pack-relative-relocs)
  endif()
endfunction()
