#include "info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATABASES_MAX = 16 };

hf_err info_read(struct hf_client *client, struct info *info, struct hf_error *error)
{
    const struct hf_bytes argv[] = { hf_str("INFO") };
    struct hf_bytes       bytes;
    *info = (struct info){ .text = "" };
    hf_err err = hf_client_command(client, NULL, argv, 1, &info->reply, error);
    if (err) return err;

    err = hf_reply_bytes(info->reply, &bytes);
    if (!err) info->text = bytes.data;
    return err;
}

void info_free(struct info *info)
{
    hf_reply_free(info->reply);
    *info = (struct info){ .text = "" };
}

/* Behind the colon, or NULL. */
static const char *find(const struct info *info, const char *name)
{
    const size_t length = strlen(name);
    for (const char *line = info->text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ':') return line + length + 1;
    }
    return NULL;
}

bool info_text(const struct info *info, const char *name, char *out, size_t size)
{
    const char *value = find(info, name);
    const int   length = value ? (int)strcspn(value, "\r\n") : 0;
    snprintf(out, size, "%.*s", length, value ? value : "");
    return value != NULL;
}

bool info_has(const struct info *info, const char *name)
{
    return find(info, name) != NULL;
}

uint64_t info_count(const struct info *info, const char *name)
{
    const char *value = find(info, name);
    return value ? strtoull(value, NULL, 10) : 0;
}

bool info_is(const struct info *info, const char *name, const char *value)
{
    const char  *found = find(info, name);
    const size_t length = strlen(value);
    return found && strncmp(found, value, length) == 0 && strcspn(found, "\r\n") == length;
}

/* Of "keys=3,expires=1,...". */
static bool read_keys(const char *text, uint64_t *keys, uint64_t *expiring)
{
    static const char first[] = "keys=", second[] = ",expires=";
    char             *end;
    if (strncmp(text, first, sizeof first - 1) != 0) return false;
    *keys = strtoull(text + sizeof first - 1, &end, 10);
    if (strncmp(end, second, sizeof second - 1) != 0) return false;
    *expiring = strtoull(end + sizeof second - 1, NULL, 10);
    return true;
}

void info_keys(const struct info *info, uint64_t *keys, uint64_t *expiring)
{
    *keys = *expiring = 0;
    for (int db = 0; db < DATABASES_MAX; db++) {
        char     name[8], value[128];
        uint64_t k, e;
        snprintf(name, sizeof name, "db%d", db);
        info_text(info, name, value, sizeof value);
        if (!read_keys(value, &k, &e)) continue;
        *keys += k;
        *expiring += e;
    }
}
