# Three Debian packages: suppressd (server and sidecar with their units), suppressctl, libsuppressd-client-dev.
# script/package makes them. What only a Debian package needs is not part of a plain `cmake --install`.
include(GNUInstallDirs)
set(DEBIAN_FILES ${PROJECT_SOURCE_DIR}/server/debian)
set(DEBIAN_CHANGELOG ${PROJECT_BINARY_DIR}/debian/changelog.Debian.gz CACHE FILEPATH "Written by script/package")

install(TARGETS suppressd RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT suppressd)
install(TARGETS suppressctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT suppressctl)
install(FILES ${DEBIAN_FILES}/suppressd.service ${DEBIAN_FILES}/suppressd-sidecar.service
  DESTINATION lib/systemd/system COMPONENT suppressd EXCLUDE_FROM_ALL)
install(FILES ${DEBIAN_FILES}/suppressd.sysusers
  DESTINATION lib/sysusers.d RENAME suppressd.conf COMPONENT suppressd EXCLUDE_FROM_ALL)
install(FILES ${DEBIAN_FILES}/suppressd.tmpfiles
  DESTINATION lib/tmpfiles.d RENAME suppressd.conf COMPONENT suppressd EXCLUDE_FROM_ALL)
install(FILES ${DEBIAN_FILES}/suppressd.env ${DEBIAN_FILES}/sidecar.env ${DEBIAN_FILES}/policy.yaml ${DEBIAN_FILES}/rules.yaml
  DESTINATION /etc/suppressd COMPONENT suppressd EXCLUDE_FROM_ALL)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION share/doc/suppressd COMPONENT suppressd EXCLUDE_FROM_ALL)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/client/quickstart
  DESTINATION share/doc/libsuppressd-client-dev/examples COMPONENT client EXCLUDE_FROM_ALL)
foreach(pair suppressd=suppressd suppressctl=suppressctl client=libsuppressd-client-dev)
  string(REPLACE "=" ";" pair ${pair})
  list(GET pair 0 component)
  list(GET pair 1 package)
  install(FILES ${DEBIAN_FILES}/copyright ${DEBIAN_CHANGELOG}
    DESTINATION share/doc/${package} COMPONENT ${component} OPTIONAL EXCLUDE_FROM_ALL)
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME suppressd)
set(CPACK_PACKAGE_VENDOR "suppressd")
set(CPACK_PACKAGE_CONTACT "The suppressd authors <suppressd@localhost>")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL suppressd suppressctl client)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION mail)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_SUPPRESSD_PACKAGE_NAME suppressd)
set(CPACK_DEBIAN_SUPPRESSD_DESCRIPTION "suppression list for everything that sends mail, as a service
 Takes reports of bounces and complaints, decides what they mean, keeps one
 list, and answers over gRPC whether an address may still be mailed. A sidecar
 answers beside a sender from a replica, also while the server is away.")
set(CPACK_DEBIAN_SUPPRESSD_PACKAGE_DEPENDS
  "systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles, init-system-helpers (>= 1.54)")
set(CPACK_DEBIAN_SUPPRESSD_PACKAGE_RECOMMENDS "suppressctl, ca-certificates")
set(CPACK_DEBIAN_SUPPRESSD_PACKAGE_CONTROL_EXTRA
  ${DEBIAN_FILES}/postinst ${DEBIAN_FILES}/prerm ${DEBIAN_FILES}/postrm ${DEBIAN_FILES}/conffiles)

set(CPACK_DEBIAN_SUPPRESSCTL_PACKAGE_NAME suppressctl)
set(CPACK_DEBIAN_SUPPRESSCTL_DESCRIPTION "asks and administers a suppression list of suppressd
 Checks and reports addresses, shows why one is suppressed and lifts it, reads
 bounce messages, and watches server and sidecars.")

# What the headers and the exported CMake targets name; static libraries have no dependencies of their own to be read.
set(CPACK_DEBIAN_CLIENT_PACKAGE_NAME libsuppressd-client-dev)
set(CPACK_DEBIAN_CLIENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_CLIENT_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_CLIENT_PACKAGE_DEPENDS "libgrpc++-dev, libprotobuf-dev, protobuf-compiler, protobuf-compiler-grpc, libabsl-dev, libssl-dev")
set(CPACK_DEBIAN_CLIENT_DESCRIPTION "C++ client library of the suppression list suppressd
 Headers, static library and CMake package suppressd::client.")
include(CPack)
