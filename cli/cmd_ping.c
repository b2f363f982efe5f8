#include "connection.h"
#include "json.h"

#include <stdio.h>

static hf_err ping_once(struct connection *c, hf_duration *took)
{
    const struct hf_bytes argv[] = { hf_str("PING") };
    struct hf_reply      *reply;
    const hf_instant      sent = hf_now();
    const hf_err err = hf_client_command(c->client, NULL, argv, 1, &reply, &c->error);
    if (err) return err;

    *took = hf_between(sent, hf_now());
    hf_reply_free(reply);
    return HF_OK;
}

/* The first PING also pays for connecting; the second tells how far away the server is. */
static enum exit_status ping(struct connection *c)
{
    hf_duration first, second;
    hf_err      err = ping_once(c, &first);
    if (!err) err = ping_once(c, &second);
    if (err) return connection_fail(c, err);

    const double connect_ms = (double)first.ns / 1e6, latency_ms = (double)second.ns / 1e6;
    if (c->inv->json) {
        json_begin();
        json_bool("pong", true);
        json_number("latency_ms", latency_ms);
        json_number("first_ms", connect_ms);
        json_end();
    } else {
        printf("PONG in %.3f ms (%.3f ms with connecting)\n", latency_ms, connect_ms);
    }
    return EXIT_OK;
}

enum exit_status run_ping(const struct invocation *inv)
{
    struct connection c;
    enum exit_status  status = connection_open(&c, inv);
    if (status == EXIT_OK) status = ping(&c);
    connection_close(&c);
    return status;
}
