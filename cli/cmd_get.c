#include "connection.h"
#include "json.h"

#include <stdio.h>
#include <unistd.h>

static double in_seconds(hf_duration d)
{
    return (double)d.ns / 1e9;
}

static void print_value(const struct connection *c, struct hf_bytes key,
                        const struct hf_value *value)
{
    const struct hf_bytes data = hf_value_data(value);
    if (c->inv->json) {
        json_begin();
        json_bytes("key", key);
        json_bool("found", true);
        json_bytes("value", data);
        json_number("age_seconds", in_seconds(hf_value_age(value)));
        json_number("ttl_seconds", in_seconds(hf_value_ttl(value)));
        json_end();
        return;
    }
    fwrite(data.data, 1, data.size, stdout);
    if (isatty(STDOUT_FILENO)) putchar('\n');
}

static enum exit_status get(struct connection *c)
{
    const struct hf_bytes key = hf_str(c->inv->args[0]);
    struct hf_value      *value;
    const hf_err          err = hf_cache_get(c->cache, NULL, key, &value, &c->error);
    if (err == HF_MISS) {
        if (c->inv->json) {
            json_begin();
            json_bytes("key", key);
            json_bool("found", false);
            json_end();
        }
        return EXIT_MISS;
    }
    if (err) {
        const enum exit_status status = connection_fail(c, err);
        if (err == HF_E_TYPE) complain("get it with: holdfast fetch KEY FILE");
        return status;
    }
    print_value(c, key, value);
    hf_value_release(value);
    return EXIT_OK;
}

enum exit_status run_get(const struct invocation *inv)
{
    struct connection c;
    enum exit_status  status = connection_open(&c, inv);
    if (status == EXIT_OK) status = get(&c);
    connection_close(&c);
    return status;
}
