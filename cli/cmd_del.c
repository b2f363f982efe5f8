#include "connection.h"
#include "json.h"

#include <holdfast/stream.h>
#include <stdio.h>

static enum exit_status del(struct connection *c)
{
    size_t deleted = 0;
    for (size_t i = 0; i < c->inv->arg_count; i++) {
        const hf_err err = hf_stream_delete(c->cache, NULL, hf_str(c->inv->args[i]),
                                            &c->error);
        if (err && err != HF_MISS) return connection_fail(c, err);
        deleted += err == HF_OK;
    }
    if (c->inv->json) {
        json_begin();
        json_count("deleted", deleted);
        json_count("asked", c->inv->arg_count);
        json_end();
    } else {
        printf("%zu deleted\n", deleted);
    }
    return deleted > 0 ? EXIT_OK : EXIT_MISS;
}

enum exit_status run_del(const struct invocation *inv)
{
    struct connection c;
    enum exit_status  status = connection_open(&c, inv);
    if (status == EXIT_OK) status = del(&c);
    connection_close(&c);
    return status;
}
