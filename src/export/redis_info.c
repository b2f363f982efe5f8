#include "export/redis_info.h"

const struct hf_redis_info_row hf_redis_info_rows[HF_REDIS_INFO_COUNT] = {
#define X(field, name, kind, help) { #field, #name, HF_STAT_##kind, help },
    HF_REDIS_INFO_MAP(X)
#undef X
};

static uint64_t number(const char *at, const char *end)
{
    uint64_t value = 0;
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        if (value > (UINT64_MAX - 9) / 10) return 0;
        value = 10 * value + (uint64_t)(*at - '0');
    }
    return at == end || *at == '\r' ? value : 0;
}

static void take_line(const char *line, const char *end, uint64_t *values)
{
    const char *colon = memchr(line, ':', (size_t)(end - line));
    if (!colon) return;
    const size_t size = (size_t)(colon - line);
    for (size_t i = 0; i < HF_REDIS_INFO_COUNT; i++) {
        const char *field = hf_redis_info_rows[i].field;
        if (strlen(field) != size || memcmp(field, line, size) != 0) continue;
        values[i] = number(colon + 1, end);
        return;
    }
}

void hf_redis_info_parse(struct hf_bytes text, uint64_t values[HF_REDIS_INFO_COUNT])
{
    const char *at = text.data, *end = at + text.size;
    memset(values, 0, HF_REDIS_INFO_COUNT * sizeof *values);
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end) line_end = end;
        take_line(at, line_end, values);
        at = line_end + 1;
    }
}
