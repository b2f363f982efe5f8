# Writes the Lua scripts of the task manager as C: cmake -DOUT=x.c -DPRELUDE=prelude.lua
# "-DSCRIPTS=a.lua;b.lua" -P embed_lua.cmake. NAME.lua becomes hf_tasks_lua_NAME: its first
# line, which holds its flags, the prelude, and the rest.

file(READ ${PRELUDE} prelude_text)
file(READ ${PRELUDE} prelude HEX)
set(text "#include \"tasks/scripts.h\"\n")
foreach(script ${SCRIPTS})
    cmake_path(GET script STEM name)
    file(READ ${script} body HEX)
    string(FIND "${body}" "0a" end) # The texts are ASCII: it cannot lie across two bytes.
    math(EXPR end "${end} + 2")
    string(SUBSTRING "${body}" 0 ${end} first)
    string(SUBSTRING "${body}" ${end} -1 rest)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${first}${prelude}${rest}")
    file(READ ${script} body_text)
    string(FIND "${body_text}" "\n" end)
    math(EXPR end "${end} + 1")
    string(SUBSTRING "${body_text}" 0 ${end} first)
    string(SUBSTRING "${body_text}" ${end} -1 rest)
    string(SHA1 sha1 "${first}${prelude_text}${rest}")
    string(APPEND text "static const char ${name}[] = {${bytes}};\n"
           "const struct hf_tasks_script hf_tasks_lua_${name} = {\n"
           "    { ${name}, sizeof ${name} }, \"${sha1}\" };\n")
endforeach()
file(WRITE ${OUT} "${text}")
