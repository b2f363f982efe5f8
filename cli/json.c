#include "json.h"

#include "shown.h"

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

void json_open(const char *name, char bracket)
{
    put_name(name, "");
    putchar(bracket);
    is_first = true;
}

void json_item(void)
{
    fputs(is_first ? "{" : ",{", stdout);
    is_first = true;
}

void json_close(char bracket)
{
    putchar(bracket);
    is_first = false;
}

static bool is_utf8(struct hf_bytes bytes)
{
    const unsigned char *text = bytes.data;
    for (size_t at = 0; at < bytes.size;) {
        const size_t length = shown_utf8(text + at, bytes.size - at);
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

void json_element(const char *text)
{
    if (!is_first) putchar(',');
    is_first = false;
    put_string(hf_str(text));
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

void json_figure(const char *name, double value)
{
    const bool is_whole = value >= 0 && value < 1e15 && value == (double)(uint64_t)value;
    if (is_whole) {
        json_count(name, (uint64_t)value);
    } else {
        json_number(name, value);
    }
}

void json_nothing(const char *name)
{
    put_name(name, "");
    fputs("null", stdout);
}
