#include "connection.h"
#include "json.h"

#include <stdio.h>

static enum exit_status ttl(struct connection *c)
{
    const struct hf_bytes key = hf_str(c->inv->args[0]);
    hf_duration           left = { 0 };
    const hf_err          err = hf_cache_ttl(c->cache, NULL, key, &left, &c->error);
    if (err && err != HF_MISS) return connection_fail(c, err);

    const bool   found = err == HF_OK;
    const double seconds = (double)left.ns / 1e9;
    if (c->inv->json) {
        json_begin();
        json_bytes("key", key);
        json_bool("found", found);
        if (found) json_number("ttl_seconds", seconds);
        json_end();
    } else if (found) {
        printf("%.3f\n", seconds);
    }
    return found ? EXIT_OK : EXIT_MISS;
}

enum exit_status run_ttl(const struct invocation *inv)
{
    struct connection c;
    enum exit_status  status = connection_open(&c, inv);
    if (status == EXIT_OK) status = ttl(&c);
    connection_close(&c);
    return status;
}
