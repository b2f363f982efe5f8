#include "net/server_error.h"

#include <string.h>

struct row {
    const char *text;
    hf_err      code;
};

/* clang-format off */

/* A whole first word. */
static const struct row words[] = {
    { "MOVED",       HF_E_MOVED },
    { "ASK",         HF_E_ASK },
    { "LOADING",     HF_E_LOADING },
    { "OOM",         HF_E_OOM },
    { "READONLY",    HF_E_READONLY },
    { "NOSCRIPT",    HF_E_NOSCRIPT },
    { "WRONGTYPE",   HF_E_WRONGTYPE },
    { "BUSY",        HF_E_SERVER_BUSY },
    { "TRYAGAIN",    HF_E_TRYAGAIN },
    { "CLUSTERDOWN", HF_E_CLUSTERDOWN },
    { "MASTERDOWN",  HF_E_MASTERDOWN },
    { "MISCONF",     HF_E_MISCONF },
    { "NOREPLICAS",  HF_E_NOREPLICAS },
    { "EXECABORT",   HF_E_EXECABORT },
    { "NOAUTH",      HF_E_AUTH },
    { "WRONGPASS",   HF_E_AUTH },
    { "NOPERM",      HF_E_NOPERM },
    { "DENIED",      HF_E_AUTH },       /* Protected mode: set a password first. */
};

/* How a text begins. */
static const struct row beginnings[] = {
    { "ERR max number of clients",                 HF_E_MAX_CLIENTS },
    { "ERR invalid password",                      HF_E_AUTH },    /* Before Redis 6. */
    { "ERR AUTH <password> called without any",    HF_E_AUTH },
    { "ERR Client sent AUTH, but no password",     HF_E_AUTH },    /* Before Redis 6. */
};

/* clang-format on */

static const char script_ran[] = " script: "; /* Since Redis 7. */
static const char script_failed[] =
    "ERR Error running script"; /* Before; then ": -CODE ...". */

static bool begins_with(struct hf_bytes text, const char *start)
{
    const size_t size = strlen(start);
    return text.size >= size && memcmp(text.data, start, size) == 0;
}

static bool is_first_word(struct hf_bytes text, const char *word)
{
    const size_t size = strlen(word);
    return begins_with(text, word) &&
           (text.size == size || ((const char *)text.data)[size] == ' ');
}

static const char *find(struct hf_bytes text, const char *part)
{
    return text.size > 0 ? memmem(text.data, text.size, part, strlen(part)) : NULL;
}

static hf_err by_first_word(struct hf_bytes text)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (is_first_word(text, words[i].text)) return words[i].code;
    }
    return HF_E_REPLY;
}

static hf_err inside_script(struct hf_bytes text)
{
    static const char mark[] = ": -";
    const char       *at = find(text, mark);
    if (!at) return HF_E_REPLY;

    const char  *end = (const char *)text.data + text.size;
    const char  *inner = at + strlen(mark);
    const hf_err code = by_first_word(hf_bytes(inner, (size_t)(end - inner)));
    return code == HF_E_OOM ? HF_E_OOM_SCRIPT : code;
}

hf_err hf_server_error(struct hf_bytes text)
{
    if (begins_with(text, script_failed)) return inside_script(text);
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        if (begins_with(text, beginnings[i].text)) return beginnings[i].code;
    }
    const hf_err code = by_first_word(text);
    return code == HF_E_OOM && find(text, script_ran) ? HF_E_OOM_SCRIPT : code;
}
