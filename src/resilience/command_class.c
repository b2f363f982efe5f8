#include "resilience/command_class.h"

#include <strings.h>

static const char *const reads[] = { "ECHO", "EXISTS", "GET",  "INFO", "MGET",
                                     "PING", "PTTL",   "SCAN", "TTL" };
static const char *const idempotent[] = { "DEL", "PEXPIREAT", "SET", "UNLINK" };

static const char *const blocking[] = { "BLMOVE", "BLPOP", "BRPOP", "BZPOPMAX", "BZPOPMIN" };

static bool is_among(struct hf_bytes name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(names[i]) == name.size && !strncasecmp(names[i], name.data, name.size))
            return true;
    }
    return false;
}

struct hf_command_traits hf_command_traits(const struct hf_bytes *argv, size_t argc)
{
    (void)argc;
    struct hf_command_traits traits = { .command_class = HF_COMMAND_ACCUMULATING };
    if (is_among(argv[0], reads, sizeof reads / sizeof reads[0])) {
        traits.command_class = HF_COMMAND_READ;
    } else if (is_among(argv[0], idempotent, sizeof idempotent / sizeof idempotent[0])) {
        traits.command_class = HF_COMMAND_IDEMPOTENT;
    }
    traits.is_blocking = is_among(argv[0], blocking, sizeof blocking / sizeof blocking[0]);
    return traits;
}
