#include "connection.h"
#include "json.h"
#include "shown.h"

#include <holdfast/access.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { COUNT }; /* In the order of the command's flags. */
enum { COUNT_DEFAULT = 20 };

static bool read_count(const struct invocation *inv, size_t *count)
{
    const char *text = inv->values[COUNT];
    char       *end;
    *count = COUNT_DEFAULT;
    if (!text) return true;
    const long n = strtol(text, &end, 10);
    if (*end || end == text || n < 1 || n > HF_HOT_MAX) {
        complain("--count: \"%s\" is not a number from 1 to %d", text, HF_HOT_MAX);
        return false;
    }
    *count = (size_t)n;
    return true;
}

static void print_key(const struct connection *c, const struct hf_hot_key *key)
{
    if (c->inv->json) {
        json_begin();
        json_bytes("key", key->key);
        json_count("reads", key->reads);
        json_end();
        return;
    }
    printf("%10" PRIu64 "  ", key->reads);
    shown_write(key->key, stdout);
    putchar('\n');
}

static enum exit_status hot(struct connection *c, size_t count)
{
    struct hf_hot *found;
    const hf_err   err = hf_cache_hot(c->cache, NULL, count, &found, &c->error);
    if (err) return connection_fail(c, err);

    const bool is_empty = hf_hot_count(found) == 0;
    for (size_t i = 0; hf_hot_at(found, i); i++) print_key(c, hf_hot_at(found, i));
    hf_hot_free(found);
    if (is_empty) complain("hot: no application has counted reads lately (access_sample)");
    return is_empty ? EXIT_MISS : EXIT_OK;
}

enum exit_status run_hot(const struct invocation *inv)
{
    struct connection c;
    size_t            count;
    if (!read_count(inv, &count)) return EXIT_USAGE;
    enum exit_status status = connection_open(&c, inv);
    if (status == EXIT_OK) status = hot(&c, count);
    connection_close(&c);
    return status;
}
