#include "ours.h"

#include "die.h"

#include <stdio.h>

struct hf_client *ours_open(const struct address *address, const char *option,
                            const char *value)
{
    char               url[128];
    struct hf_error    error;
    struct hf_options *options;
    struct hf_client  *client;

    if (address->unix_path) {
        snprintf(url, sizeof url, "unix://%s", address->unix_path);
    } else {
        snprintf(url, sizeof url, "%s://127.0.0.1:%d", address->ca_file ? "rediss" : "redis",
                 address->port);
    }
    if (hf_options_open(&options)) die("out of memory");
    if (hf_options_set(options, "url", url, &error)) die("%s", error.detail);
    if (address->ca_file && hf_options_set(options, "tls_ca_file", address->ca_file, &error))
        die("%s", error.detail);
    if (option && hf_options_set(options, option, value, &error)) die("%s", error.detail);
    if (hf_client_open(options, &client, &error)) die("open: %s", error.detail);
    hf_options_close(options);
    if (hf_client_wait_ready(client, hf_seconds(10), &error)) die("%s", error.detail);
    return client;
}

bool ours_is_value(const struct hf_reply *reply, struct hf_bytes expected)
{
    struct hf_bytes value;
    const size_t    last = expected.size - 1;
    return hf_reply_bytes(reply, &value) == HF_OK && value.size == expected.size &&
           ((const char *)value.data)[last] == ((const char *)expected.data)[last];
}

bool ours_get(struct hf_client *client, const struct hf_call *call, struct hf_bytes key,
              struct hf_bytes expected)
{
    const struct hf_bytes argv[] = { hf_bytes("GET", 3), key };
    struct hf_reply      *reply;
    if (hf_client_command(client, call, argv, 2, &reply, NULL)) return false;

    const bool good = ours_is_value(reply, expected);
    hf_reply_free(reply);
    return good;
}
