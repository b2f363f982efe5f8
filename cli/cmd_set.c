#include "connection.h"
#include "input.h"
#include "json.h"
#include "quantity.h"
#include "tags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TTL,
    FILE_PATH,
    IF_ABSENT,
    IF_PRESENT,
    TAG
}; /* In the order of the command's flags. */

static bool read_how(const struct invocation *inv, struct hf_set *how)
{
    if (inv->values[IF_ABSENT] && inv->values[IF_PRESENT]) {
        complain("--if-absent and --if-present contradict each other");
        return false;
    }
    if (inv->values[IF_ABSENT]) how->condition = HF_SET_IF_ABSENT;
    if (inv->values[IF_PRESENT]) how->condition = HF_SET_IF_PRESENT;
    return quantity_ttl("--ttl", inv->values[TTL], &how->ttl);
}

/* From the argument, a file or standard input; *block is to be freed. */
static bool read_value(const struct invocation *inv, char **block, struct hf_bytes *value)
{
    const char *path = inv->values[FILE_PATH];
    const char *text = inv->arg_count > 1 ? inv->args[1] : NULL;
    if (!path == !text) {
        complain("set: give the value once: as an argument, as - for standard input, or "
                 "with --file");
        return false;
    }
    if (!path && strcmp(text, "-") != 0) {
        *value = hf_str(text);
        return true;
    }
    size_t size;
    if (!input_read(path ? path : text, VALUE_SIZE_MAX, block, &size)) return false;
    *value = hf_bytes(*block, size);
    return true;
}

static enum exit_status set(struct connection *c, struct hf_bytes value, struct hf_set how)
{
    const struct hf_bytes key = hf_str(c->inv->args[0]);
    if (how.ttl.ns == 0) how.ttl = hf_cache_default_ttl(c->cache);

    const hf_err err = hf_cache_set(c->cache, NULL, key, value, &how, &c->error);
    if (err && err != HF_MISS) return connection_fail(c, err);
    if (c->inv->json) {
        json_begin();
        json_bytes("key", key);
        json_bool("stored", err == HF_OK);
        json_count("size", value.size);
        json_number("ttl_seconds", (double)how.ttl.ns / 1e9);
        json_end();
    } else {
        puts(err == HF_OK ? "stored" : "not stored");
    }
    return err == HF_OK ? EXIT_OK : EXIT_MISS;
}

enum exit_status run_set(const struct invocation *inv)
{
    struct hf_set    how = { 0 };
    struct tags      tags;
    char            *block = NULL;
    struct hf_bytes  value;
    enum exit_status status = EXIT_USAGE;
    if (read_how(inv, &how) && tags_read(inv->values[TAG], &tags) &&
        read_value(inv, &block, &value)) {
        struct connection c;
        how.tags = tags.names;
        how.tag_count = tags.count;
        status = connection_open(&c, inv);
        if (status == EXIT_OK) status = set(&c, value, how);
        connection_close(&c);
    }
    free(block);
    return status;
}
