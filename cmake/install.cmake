# What `cmake --install` lays down: headers, both libraries, the command line tool, and the
# files by which CMake (find_package(holdfast)) and pkg-config find them.

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/holdfast)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/holdfast
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(TARGETS holdfast holdfast_static holdfast_exporter EXPORT holdfast)
install(EXPORT holdfast NAMESPACE holdfast:: DESTINATION ${package_dir})
if(TARGET holdfast_cli)
    install(TARGETS holdfast_cli)
endif()

install(FILES ${PROJECT_SOURCE_DIR}/monitoring/holdfast-alerts.yml
              ${PROJECT_SOURCE_DIR}/monitoring/holdfast-grafana.json
        DESTINATION ${CMAKE_INSTALL_DATADIR}/holdfast)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/holdfast-config.cmake.in
                              ${PROJECT_BINARY_DIR}/holdfast-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/holdfast-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/holdfast-config.cmake
              ${PROJECT_BINARY_DIR}/holdfast-config-version.cmake
        DESTINATION ${package_dir})

# An install prefix given as late as `cmake --install --prefix` still holds: the file finds
# the prefix from its own place.
file(RELATIVE_PATH pc_to_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" pc_to_prefix ${pc_to_prefix})
configure_file(${PROJECT_SOURCE_DIR}/cmake/holdfast.pc.in ${PROJECT_BINARY_DIR}/holdfast.pc
               @ONLY)
configure_file(${PROJECT_SOURCE_DIR}/cmake/holdfast-exporter.pc.in
               ${PROJECT_BINARY_DIR}/holdfast-exporter.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/holdfast.pc ${PROJECT_BINARY_DIR}/holdfast-exporter.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# What is linked into the library on this machine, as a CycloneDX list.
if(NOT HF_SANITIZE AND NOT HF_COVERAGE)
    set(sbom ${PROJECT_BINARY_DIR}/holdfast.cdx.json)
    add_custom_command(OUTPUT ${sbom} DEPENDS holdfast ${PROJECT_SOURCE_DIR}/tools/sbom VERBATIM
                       COMMAND sh ${PROJECT_SOURCE_DIR}/tools/sbom ${PROJECT_VERSION}
                               $<TARGET_FILE:holdfast> ${sbom})
    add_custom_target(holdfast_sbom ALL DEPENDS ${sbom})
    install(FILES ${sbom} DESTINATION ${CMAKE_INSTALL_DATADIR}/holdfast)
endif()
