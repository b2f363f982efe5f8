#include "core/utf8.h"

#include <holdfast/log.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    TAIL = 64, /* Room for held_back and cut, which come last. */
    ESCAPED_MAX = 6,
    CHARACTER_MAX = 4,
};

/* A line that grows by whole fields. */
struct line {
    char  *text;
    size_t size;
    size_t room; /* Of the text, without the NUL. */
    bool   is_json;
    bool   is_cut;
};

static void put(struct line *l, const char *bytes, size_t size)
{
    if (l->size + size <= l->room) memcpy(l->text + l->size, bytes, size);
    l->size += size; /* Past the room: the field is taken back. */
}

static void put_text(struct line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* As JSON has it, which logfmt takes too. */
static void put_escaped(struct line *l, const char *at, size_t size, uint32_t character)
{
    static const char named[] = "\"\"\\\\\nn\rr\tt"; /* Pairs: the character, its letter. */
    char              escaped[ESCAPED_MAX + 2];
    if (size == 0) {
        put_text(l, "\xef\xbf\xbd");
        return;
    }
    for (size_t i = 0; i + 1 < sizeof named; i += 2) {
        if (character != (unsigned char)named[i]) continue;
        escaped[0] = '\\';
        escaped[1] = named[i + 1];
        put(l, escaped, 2);
        return;
    }
    if (character < 0x20 || (character >= 0x7f && character < 0xa0)) {
        snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)character);
        put_text(l, escaped);
    } else {
        put(l, at, size);
    }
}

/* In quotes. */
static void put_quoted(struct line *l, const char *text)
{
    const size_t whole = strnlen(text, HF_LOG_VALUE_MAX + CHARACTER_MAX);
    const size_t size = whole > HF_LOG_VALUE_MAX ? HF_LOG_VALUE_MAX : whole;
    put_text(l, "\"");
    for (size_t i = 0; i < size;) {
        uint32_t     character = 0;
        const size_t length = hf_utf8_read(text + i, whole - i, &character);
        if (length > size - i) break; /* The cut is in the middle of it. */
        put_escaped(l, text + i, length, character);
        i += length ? length : 1;
    }
    put_text(l, "\"");
    if (whole > size) l->is_cut = true;
}

/* What logfmt needs no quotes for. */
static bool is_word(const char *text)
{
    const size_t size = strnlen(text, HF_LOG_VALUE_MAX + 1);
    for (size_t i = 0; i < size; i++) {
        const char c = text[i];
        if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\') return false;
    }
    return size > 0 && size <= HF_LOG_VALUE_MAX;
}

static void put_name(struct line *l, const char *name)
{
    if (l->size > 0) put_text(l, l->is_json ? "," : " ");
    if (l->is_json) put_text(l, l->size > 0 ? "\"" : "{\"");
    put_text(l, name);
    put_text(l, l->is_json ? "\":" : "=");
}

static void add_text(struct line *l, const char *name, const char *text)
{
    const size_t before = l->size;
    put_name(l, name);
    if (!l->is_json && is_word(text)) {
        put_text(l, text);
    } else {
        put_quoted(l, text);
    }
    if (l->size <= l->room) return;
    l->size = before;
    l->is_cut = true;
}

/* A number, or true. */
static void add_bare(struct line *l, const char *name, const char *text)
{
    const size_t before = l->size;
    put_name(l, name);
    put_text(l, text);
    if (l->size <= l->room) return;
    l->size = before;
    l->is_cut = true;
}

static void add_field(struct line *l, const struct hf_log_field *field)
{
    char number[24];
    if (field->text) {
        add_text(l, field->name, field->text);
        return;
    }
    snprintf(number, sizeof number, "%" PRId64, field->number);
    add_bare(l, field->name, number);
}

static void add_time(struct line *l, int64_t unix_ms)
{
    const time_t seconds = (time_t)(unix_ms / 1000);
    struct tm    utc;
    char         day[32] = "", stamp[48];
    if (gmtime_r(&seconds, &utc)) strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(stamp, sizeof stamp, "%s.%03dZ", day, (int)(unix_ms % 1000));
    add_text(l, "time", stamp);
}

size_t hf_log_line(const struct hf_log_record *record, enum hf_log_format format,
                   char line[HF_LOG_LINE_MAX])
{
    /* Less by what ends it: a brace, the NUL where a newline may take its place. */
    const size_t room = HF_LOG_LINE_MAX - 2;
    struct line  l = { .text = line,
                       .room = room - TAIL,
                       .is_json = format == HF_LOG_JSON,
                       .is_cut = record->is_cut };
    add_time(&l, record->unix_ms);
    add_text(&l, "level", hf_log_level_name(record->level));
    add_text(&l, "part", record->part);
    add_text(&l, "event", hf_event_name(record->event));
    add_text(&l, "msg", record->text);
    for (size_t i = 0; i < record->field_count; i++) add_field(&l, &record->fields[i]);
    l.room = room;
    if (record->held_back) {
        const struct hf_log_field held = { "held_back", NULL, (int64_t)record->held_back };
        add_field(&l, &held);
    }
    if (l.is_cut) add_bare(&l, "cut", "true");
    if (l.is_json) put_text(&l, "}");
    line[l.size < HF_LOG_LINE_MAX ? l.size : HF_LOG_LINE_MAX - 1] = '\0';
    return l.size;
}
