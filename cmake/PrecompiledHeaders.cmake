# Headers that nearly every source reads, parsed once. The preset "plain" compiles without them: there a source that lacks
# an #include does not pass.
option(SUPPRESSD_PRECOMPILED_HEADERS "Precompile headers for the programs too, not only for their tests" OFF)

set(COMMON_HEADERS
  <algorithm> <chrono> <condition_variable> <deque> <filesystem> <fstream> <functional> <map> <memory> <mutex> <optional>
  <set> <sstream> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>
  <absl/status/statusor.h> <absl/strings/str_cat.h> <absl/strings/str_format.h> <absl/time/time.h>
  <grpcpp/grpcpp.h>
  <suppressd/v1/admin_service.grpc.pb.h> <suppressd/v1/replication.grpc.pb.h> <suppressd/v1/suppression_service.grpc.pb.h>)

# precompile_headers(NAME [EXECUTABLES] HEADERS... LIBRARIES... OPTIONS...): a target whose headers libraries (or
# executables) take with use_precompiled.
function(precompile_headers name)
  cmake_parse_arguments(ARG "EXECUTABLES" "" "HEADERS;LIBRARIES;OPTIONS" ${ARGN})
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/${name}.cc CONTENT "// Only carries the precompiled headers.\n")
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/${name}.cc)
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES})
  target_compile_options(${name} PRIVATE ${ARG_OPTIONS})
  if(ARG_EXECUTABLES)
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${name} PRIVATE -fPIE)
  endif()
  target_precompile_headers(${name} PRIVATE ${ARG_HEADERS})
endfunction()

function(use_precompiled name)
  foreach(target ${ARGN})
    target_precompile_headers(${target} REUSE_FROM ${name})
  endforeach()
endfunction()
