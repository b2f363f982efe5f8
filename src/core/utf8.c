#include "core/utf8.h"

size_t hf_utf8_read(const char *text, size_t size, uint32_t *character)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char   first = (unsigned char)text[0];
    size_t                length = 1;
    uint32_t              read = first;
    if (first >= 0xf0) {
        length = 4;
        read = first & 0x07;
    } else if (first >= 0xe0) {
        length = 3;
        read = first & 0x0f;
    } else if (first >= 0xc0) {
        length = 2;
        read = first & 0x1f;
    } else if (first >= 0x80) {
        return 0;
    }
    if (first >= 0xf8 || length > size) return 0;

    for (size_t i = 1; i < length; i++) {
        const unsigned char next = (unsigned char)text[i];
        if ((next & 0xc0) != 0x80) return 0;
        read = read << 6 | (next & 0x3f);
    }
    const int is_surrogate = read >= 0xd800 && read <= 0xdfff;
    if (read < least[length] || read > 0x10ffff || is_surrogate) return 0;
    *character = read;
    return length;
}
