#include "connection.h"
#include "json.h"
#include "tags.h"

#include <holdfast/invalidate.h>
#include <stdio.h>

enum { TAG, PATTERN, ALL }; /* In the order of the command's flags. */

static void say(const struct connection *c, const char *text)
{
    if (c->inv->json) {
        json_begin();
        json_bool("invalidated", true);
        json_end();
    } else {
        puts(text);
    }
}

static enum exit_status by_tags(struct connection *c, const struct tags *tags)
{
    const hf_err err = hf_cache_invalidate_tags(c->cache, NULL, tags->names, tags->count,
                                                &c->error);
    if (err) return connection_fail(c, err);
    say(c, "invalidated");
    return EXIT_OK;
}

static enum exit_status by_pattern(struct connection *c, const char *pattern)
{
    struct hf_sweep sweep = { 0 };
    const hf_err err = hf_cache_delete_matching(c->cache, NULL, hf_str(pattern), &sweep, NULL,
                                                NULL, &c->error);
    if (err) return connection_fail(c, err);
    if (c->inv->json) {
        json_begin();
        json_count("deleted", sweep.deleted);
        json_end();
    } else {
        printf("%llu deleted\n", (unsigned long long)sweep.deleted);
    }
    return EXIT_OK;
}

static enum exit_status all(struct connection *c)
{
    const hf_err err = hf_cache_clear(c->cache, NULL, &c->error);
    if (err) return connection_fail(c, err);
    say(c, "cleared");
    return EXIT_OK;
}

enum exit_status run_invalidate(const struct invocation *inv)
{
    const char *tag = inv->values[TAG], *pattern = inv->values[PATTERN];
    struct tags tags;
    if (!!tag + !!pattern + !!inv->values[ALL] != 1) {
        complain("invalidate: give one of --tag, --pattern and --all");
        return EXIT_USAGE;
    }
    if (!tags_read(tag, &tags)) return EXIT_USAGE;

    struct connection c;
    enum exit_status  status = connection_open(&c, inv);
    if (status == EXIT_OK) {
        status = tag ? by_tags(&c, &tags) : pattern ? by_pattern(&c, pattern) : all(&c);
    }
    connection_close(&c);
    return status;
}
