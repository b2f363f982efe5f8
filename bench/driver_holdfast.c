#include "die.h"
#include "driver.h"
#include "ours.h"

static void *client_open(struct lab *lab, const struct address *address)
{
    (void)lab;
    return ours_open(address, NULL, NULL);
}

static void *client_open_tls(struct lab *lab, const struct address *address)
{
    (void)address;
    return ours_open(&lab->server.tls_address, NULL, NULL);
}

static void client_close(void *shared)
{
    hf_client_close(shared);
}

static void *join(void *shared)
{
    return shared;
}

static void leave(void *caller)
{
    (void)caller;
}

static bool get(void *caller, struct hf_bytes key, struct hf_bytes expected)
{
    return ours_get(caller, NULL, key, expected);
}

static bool set(void *caller, struct hf_bytes key, struct hf_bytes value)
{
    const struct hf_bytes argv[] = { hf_bytes("SET", 3), key, value };
    struct hf_reply      *reply;
    if (hf_client_command(caller, NULL, argv, 3, &reply, NULL)) return false;

    const bool good = hf_reply_is_text(reply, "OK");
    hf_reply_free(reply);
    return good;
}

const struct driver holdfast = {
    "holdfast, one client", client_open, client_close, join, leave, get, set,
};

const struct driver holdfast_tls = {
    "holdfast over TLS", client_open_tls, client_close, join, leave, get, set,
};
