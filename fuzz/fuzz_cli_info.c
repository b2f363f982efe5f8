/* INFO as the command line tool reads it: any text gives texts that fit and numbers, each of
 * a line of its own. */

#include "info.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct info *info, const char *name)
{
    char       value[16];
    const bool has = info_text(info, name, value, sizeof value);
    if (has != info_has(info, name) || strlen(value) >= sizeof value) abort();
    if (strpbrk(value, "\r\n") || (!has && value[0])) abort();
    if (has && strlen(value) + 1 < sizeof value && !info_is(info, name, value)) abort();
    if (!has && info_count(info, name) != 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char       *text = malloc(size + 1);
    struct info info = { .text = text };
    uint64_t    keys, expiring;
    if (!text) return 0;
    if (size) memcpy(text, data, size);
    text[size] = '\0';
    check(&info, "role");
    check(&info, "used_memory");
    check(&info, "db0");
    info_keys(&info, &keys, &expiring);
    free(text);
    return 0;
}
