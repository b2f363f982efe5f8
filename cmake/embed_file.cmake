# Writes a file as bytes in C: cmake -DOUT=x.c -DFILE=page.html -DHEADER=export/page.h
# -DNAME=hf_export_page -P embed_file.cmake.

file(READ ${FILE} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
file(WRITE ${OUT} "#include \"${HEADER}\"\n"
     "const unsigned char ${NAME}[] = {${bytes}};\n"
     "const size_t ${NAME}_size = sizeof ${NAME};\n")
