#include "connection.h"
#include "json.h"

#include <stdio.h>

static enum exit_status exists(struct connection *c)
{
    const struct hf_bytes key = hf_str(c->inv->args[0]);
    const hf_err          err = hf_cache_exists(c->cache, NULL, key, &c->error);
    if (err && err != HF_MISS) return connection_fail(c, err);

    const bool found = err == HF_OK;
    if (c->inv->json) {
        json_begin();
        json_bytes("key", key);
        json_bool("found", found);
        json_end();
    } else {
        puts(found ? "yes" : "no");
    }
    return found ? EXIT_OK : EXIT_MISS;
}

enum exit_status run_exists(const struct invocation *inv)
{
    struct connection c;
    enum exit_status  status = connection_open(&c, inv);
    if (status == EXIT_OK) status = exists(&c);
    connection_close(&c);
    return status;
}
