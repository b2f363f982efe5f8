#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_first;

void json_begin(void)
{
    putchar('{');
    is_first = true;
}

void json_end(void)
{
    fputs("}\n", stdout);
}

static void put_name(const char *name, const char *suffix)
{
    printf("%s\"%s%s\":", is_first ? "" : ",", name, suffix);
    is_first = false;
}

/* Length of the UTF-8 sequence at text, 0 when it is none: overlong, surrogate, too high. */
static size_t utf8_length(const unsigned char *text, size_t size)
{
    static const struct {
        unsigned char first_low, first_high, second_low, second_high;
        size_t        length;
    } forms[] = {
        { 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
        { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
        { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
        { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (text[0] < forms[i].first_low || text[0] > forms[i].first_high) continue;
        if (forms[i].length > size) return 0;
        if (forms[i].length == 1) return 1;
        if (text[1] < forms[i].second_low || text[1] > forms[i].second_high) return 0;
        for (size_t j = 2; j < forms[i].length; j++) {
            if ((text[j] & 0xc0) != 0x80) return 0;
        }
        return forms[i].length;
    }
    return 0;
}

static bool is_utf8(struct hf_bytes bytes)
{
    const unsigned char *text = bytes.data;
    for (size_t at = 0; at < bytes.size;) {
        const size_t length = utf8_length(text + at, bytes.size - at);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

static void put_string(struct hf_bytes bytes)
{
    const unsigned char *text = bytes.data;
    putchar('"');
    for (size_t i = 0; i < bytes.size; i++) {
        switch (text[i]) {
        case '"': fputs("\\\"", stdout); break;
        case '\\': fputs("\\\\", stdout); break;
        case '\n': fputs("\\n", stdout); break;
        case '\t': fputs("\\t", stdout); break;
        default:
            if (text[i] < 0x20 || text[i] == 0x7f) {
                printf("\\u%04x", text[i]);
            } else {
                putchar(text[i]);
            }
        }
    }
    putchar('"');
}

static void put_base64(struct hf_bytes bytes)
{
    static const char    digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                    "0123456789+/";
    const unsigned char *in = bytes.data;
    putchar('"');
    for (size_t i = 0; i < bytes.size; i += 3) {
        const size_t   left = bytes.size - i;
        const unsigned b = left > 1 ? in[i + 1] : 0, c = left > 2 ? in[i + 2] : 0;
        const unsigned word = (unsigned)in[i] << 16 | b << 8 | c;
        putchar(digits[word >> 18]);
        putchar(digits[word >> 12 & 63]);
        putchar(left > 1 ? digits[word >> 6 & 63] : '=');
        putchar(left > 2 ? digits[word & 63] : '=');
    }
    putchar('"');
}

void json_bytes(const char *name, struct hf_bytes bytes)
{
    if (is_utf8(bytes)) {
        put_name(name, "");
        put_string(bytes);
    } else {
        put_name(name, "_base64");
        put_base64(bytes);
    }
}

void json_text(const char *name, const char *text)
{
    json_bytes(name, hf_str(text));
}

void json_bool(const char *name, bool value)
{
    put_name(name, "");
    fputs(value ? "true" : "false", stdout);
}

void json_count(const char *name, uint64_t value)
{
    put_name(name, "");
    printf("%" PRIu64, value);
}

void json_number(const char *name, double value)
{
    put_name(name, "");
    printf("%.3f", value);
}

void json_null(const char *name)
{
    put_name(name, "");
    fputs("null", stdout);
}
