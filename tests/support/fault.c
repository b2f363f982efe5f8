#include "support/fault.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    bool        is_lasting;
    const char *help;
} kinds[] = {
#define X(kind, name, lasting, help) [FAULT_##kind] = { name, lasting, help },
    FAULT_MAP(X)
#undef X
};

static const char *const directions[] = { [FAULT_BOTH_WAYS] = "both",
                                          [FAULT_TO_CLIENT] = "to-client",
                                          [FAULT_TO_SERVER] = "to-server" };

static const char *const ends[] = {
    [FAULT_CLOSE] = "close", [FAULT_RESET_END] = "reset", [FAULT_HALF_CLOSE] = "half-close"
};

const char *fault_name(enum fault_kind kind)
{
    return kinds[kind].name;
}

const char *fault_help(enum fault_kind kind)
{
    return kinds[kind].help;
}

bool fault_is_lasting(enum fault_kind kind)
{
    return kinds[kind].is_lasting;
}

/* What reading one value needs. */
struct reading {
    const char *text;
    char       *data;
    const char *wanted; /* Said when the value is not that. */
};

static bool read_number(const char *text, uint64_t max, uint64_t *number)
{
    char *end;
    if (text[0] < '0' || text[0] > '9') return false;
    const unsigned long long value = strtoull(text, &end, 10);
    if (*end != '\0' || value > max) return false;
    *number = value;
    return true;
}

static bool read_count(struct reading *r, uint32_t *count)
{
    uint64_t number;
    r->wanted = "a number from 0 to 4294967295";
    if (!read_number(r->text, UINT32_MAX, &number)) return false;
    *count = (uint32_t)number;
    return true;
}

static bool read_size(struct reading *r, uint64_t *size)
{
    r->wanted = "a number of bytes";
    return read_number(r->text, UINT64_C(1) << 50, size);
}

static bool read_rate(struct reading *r, uint64_t *rate)
{
    r->wanted = "bytes per second, from 1 to 10^12";
    return read_number(r->text, UINT64_C(1000000000000), rate) && *rate > 0;
}

bool fault_parse_time(const char *text, hf_duration *duration)
{
    char        *unit;
    const double value = strtod(text, &unit);
    double       seconds = -1;
    if (strcmp(unit, "us") == 0) seconds = value / 1e6;
    if (strcmp(unit, "ms") == 0) seconds = value / 1e3;
    if (strcmp(unit, "s") == 0) seconds = value;
    if (!(seconds >= 0 && seconds <= 3600) || unit == text) return false;
    *duration = hf_ns((int64_t)(seconds * 1e9));
    return true;
}

static bool read_duration(struct reading *r, hf_duration *duration)
{
    r->wanted = "a time from 0 to 3600 s, such as 50ms, 300us or 2s";
    return fault_parse_time(r->text, duration);
}

static bool read_choice(struct reading *r, const char *const *names, int count, int *choice)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(r->text, names[i]) != 0) continue;
        *choice = i;
        return true;
    }
    return false;
}

static bool read_direction(struct reading *r, enum fault_direction *direction)
{
    int choice;
    r->wanted = "both, to-client or to-server";
    if (!read_choice(r, directions, 3, &choice)) return false;
    *direction = (enum fault_direction)choice;
    return true;
}

static bool read_end(struct reading *r, enum fault_end *end)
{
    int choice;
    r->wanted = "close, reset or half-close";
    if (!read_choice(r, ends, 3, &choice)) return false;
    *end = (enum fault_end)choice;
    return true;
}

/* Reads what follows a backslash and moves past it; -1 when that is nothing known. */
static int read_escape(const char **text)
{
    static const char letters[] = "rnt\\";
    static const char meanings[] = "\r\n\t\\";
    const char       *letter = strchr(letters, **text);
    if (**text != '\0' && letter) {
        (*text)++;
        return meanings[letter - letters];
    }
    if (**text != 'x' || !isxdigit((unsigned char)(*text)[1]) ||
        !isxdigit((unsigned char)(*text)[2])) {
        return -1;
    }
    const char digits[] = { (*text)[1], (*text)[2], '\0' };
    *text += 3;
    return (int)strtol(digits, NULL, 16);
}

static bool read_data(struct reading *r, struct hf_bytes *data)
{
    size_t size = 0;
    r->wanted = "at most 4096 bytes, with \\r \\n \\t \\\\ and \\xHH";
    for (const char *text = r->text; *text != '\0';) {
        int byte = (unsigned char)*text++;
        if (byte == '\\') byte = read_escape(&text);
        if (byte < 0 || size == FAULT_DATA_MAX) return false;
        r->data[size++] = (char)byte;
    }
    *data = hf_bytes(r->data, size);
    return true;
}

static bool read_value(struct reading *r, const char *key, struct fault *f)
{
    r->wanted = NULL;
    if (strcmp(key, "direction") == 0) return read_direction(r, &f->direction);
    if (strcmp(key, "connection") == 0) return read_count(r, &f->connection);
    if (strcmp(key, "times") == 0) return read_count(r, &f->times);
    if (strcmp(key, "after-messages") == 0) return read_count(r, &f->after_messages);
    if (strcmp(key, "after-bytes") == 0) return read_size(r, &f->after_bytes);
    if (strcmp(key, "delay") == 0) return read_duration(r, &f->delay);
    if (strcmp(key, "jitter") == 0) return read_duration(r, &f->jitter);
    if (strcmp(key, "rate") == 0) return read_rate(r, &f->rate);
    if (strcmp(key, "end") == 0) return read_end(r, &f->end);
    if (strcmp(key, "data") == 0) return read_data(r, &f->data);
    return false;
}

static bool read_kind(const char *name, enum fault_kind *kind)
{
    for (int i = 0; i < FAULT_KINDS; i++) {
        if (strcmp(name, kinds[i].name) != 0) continue;
        *kind = (enum fault_kind)i;
        return true;
    }
    return false;
}

/* What makes no sense for the kind. NULL when all is well. */
static const char *find_gap(const struct fault *f)
{
    if (f->kind == FAULT_THROTTLE && f->rate == 0) return "throttle needs rate=";
    if (f->kind == FAULT_TRICKLE && f->delay.ns == 0) return "trickle needs delay=";
    if (f->kind == FAULT_DELAY && f->delay.ns + f->jitter.ns == 0)
        return "delay needs delay=";
    if (f->kind == FAULT_INJECT && f->data.size == 0) return "inject needs data=";
    return NULL;
}

/* Cuts the next key=value off; data, which may hold commas, takes all. */
static char *cut_pair(char **rest)
{
    char *pair = *rest;
    char *comma = strncmp(pair, "data=", 5) == 0 ? NULL : strchr(pair, ',');
    *rest = comma ? comma + 1 : pair + strlen(pair);
    if (comma) *comma = '\0';
    return pair;
}

bool fault_parse(const char *text, struct fault *fault, char data[FAULT_DATA_MAX],
                 char why[FAULT_WHY_MAX])
{
    char         copy[4 * FAULT_DATA_MAX + 256];
    struct fault parsed = { 0 };
    if (strlen(text) >= sizeof copy) {
        snprintf(why, FAULT_WHY_MAX, "fault: longer than %zu bytes", sizeof copy - 1);
        return false;
    }
    memcpy(copy, text, strlen(text) + 1);
    char *rest = strchr(copy, ':');
    if (rest) *rest++ = '\0';
    if (!read_kind(copy, &parsed.kind)) {
        snprintf(why, FAULT_WHY_MAX, "fault: no kind is called '%.60s'", copy);
        return false;
    }
    while (rest && *rest != '\0') {
        char *key = cut_pair(&rest);
        char *value = strchr(key, '=');
        if (value) *value++ = '\0';
        struct reading r = { .text = value ? value : "", .data = data };
        if (read_value(&r, key, &parsed)) continue;
        snprintf(why, FAULT_WHY_MAX, "fault %s: %.60s%s%.60s%s%s", copy, key,
                 r.wanted ? "=" : ": ", r.wanted ? r.text : "no such key",
                 r.wanted ? ": not " : "", r.wanted ? r.wanted : "");
        return false;
    }
    const char *gap = find_gap(&parsed);
    if (gap) {
        snprintf(why, FAULT_WHY_MAX, "fault: %s", gap);
        return false;
    }
    *fault = parsed;
    return true;
}

void fault_print(const struct fault *f, char *text, size_t size)
{
    const int used = snprintf(
        text, size, "%s:direction=%s,connection=%" PRIu32 ",times=%" PRIu32,
        kinds[f->kind].name, directions[f->direction], f->connection, f->times);
    if (used < 0 || (size_t)used >= size) return;
    text += used;
    size -= (size_t)used;
    switch (f->kind) {
    case FAULT_DELAY:
        snprintf(text, size, ",delay=%" PRId64 "us,jitter=%" PRId64 "us", f->delay.ns / 1000,
                 f->jitter.ns / 1000);
        break;
    case FAULT_TRICKLE:
        snprintf(text, size, ",delay=%" PRId64 "us", f->delay.ns / 1000);
        break;
    case FAULT_THROTTLE: snprintf(text, size, ",rate=%" PRIu64, f->rate); break;
    case FAULT_CUT:
        snprintf(text, size, ",after-messages=%" PRIu32 ",after-bytes=%" PRIu64 ",end=%s",
                 f->after_messages, f->after_bytes, ends[f->end]);
        break;
    case FAULT_CORRUPT:
    case FAULT_DUPLICATE:
    case FAULT_INJECT:
        snprintf(text, size, ",after-messages=%" PRIu32 ",after-bytes=%" PRIu64,
                 f->after_messages, f->after_bytes);
        break;
    default: break;
    }
}

static enum fault_kind random_kind(struct hf_rng *rng, unsigned set)
{
    for (;;) {
        const uint64_t kind = hf_rng_below(rng, FAULT_KINDS);
        if (set & 1u << kind) return (enum fault_kind)kind;
    }
}

struct fault fault_random(struct hf_rng *rng, unsigned set)
{
    static const char stray[] = ">2\r\n+stray\r\n+push\r\n";
    struct fault      f = { .kind = random_kind(rng, set) };
    f.direction = (enum fault_direction)hf_rng_below(rng, 3);
    f.delay = hf_us((uint32_t)hf_rng_below(rng, f.kind == FAULT_TRICKLE ? 1000 : 50000) + 1);
    f.jitter = hf_us((uint32_t)hf_rng_below(rng, 20000));
    f.rate = 1000 + hf_rng_below(rng, 1000000);
    f.end = (enum fault_end)hf_rng_below(rng, 3);
    f.after_messages = (uint32_t)hf_rng_below(rng, 100);
    f.after_bytes = hf_rng_below(rng, 100);
    f.data = hf_str(stray);
    return f;
}
