# How every C file here is compiled: strict, hidden by default, hardened, sanitized when asked.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Position independent programs, not only libraries.
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

# The build type does not decide about asserts: they are on in tests, fuzzing and the command
# line tool, and off in the library that ships, because a cache must not kill its host.
foreach(type RELEASE RELWITHDEBINFO MINSIZEREL)
    string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${type} "${CMAKE_C_FLAGS_${type}}")
endforeach()

add_library(hf_compile INTERFACE)
target_compile_definitions(hf_compile INTERFACE _GNU_SOURCE)
target_compile_options(hf_compile INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wvla -Wmissing-prototypes
    -Wstrict-prototypes -Wformat=2 -Wundef -Werror
    -fno-omit-frame-pointer -fstack-protector-strong -fstack-clash-protection)
target_link_options(hf_compile INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)

# Fortified functions need an optimiser, and hide from the sanitizers what they would find.
if(NOT HF_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL Debug)
    target_compile_options(hf_compile INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()

# Sanitized code hides from gcc how long texts are; the plain build watches over truncation.
if(HF_SANITIZE)
    target_compile_options(hf_compile INTERFACE -fsanitize=${HF_SANITIZE}
                           -fno-sanitize-recover=all
                           $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>)
    target_link_options(hf_compile INTERFACE -fsanitize=${HF_SANITIZE})
endif()

# Without any optimiser gcc warns of conversions that it does not understand.
if(HF_COVERAGE)
    target_compile_options(hf_compile INTERFACE -Og --coverage -fprofile-update=atomic
                           -Wno-format-truncation)
    target_link_options(hf_compile INTERFACE --coverage)
endif()
