#include "client/script.h"

#include "client/call.h"
#include "core/alloc.h"
#include "core/error.h"

#include <holdfast/script.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum { SHA1_SIZE = 20, SHA1_HEX_SIZE = 2 * SHA1_SIZE + 1 };

static bool hash(const struct hf_script *script, char hex[SHA1_HEX_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned      size = 0;
    if (!EVP_Digest(script->source, script->size, digest, &size, EVP_sha1(), NULL))
        return false;
    for (unsigned i = 0; i < SHA1_SIZE; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return true;
}

hf_err hf_client_script_known(struct hf_client *client, const struct hf_call *call,
                              const struct hf_script *script, const char *sha1,
                              const struct hf_bytes *keys, size_t key_count,
                              const struct hf_bytes *args, size_t arg_count,
                              struct hf_reply **reply, struct hf_error *error)
{
    const struct hf_allocator *a = hf_client_allocator(client);
    const size_t               argc = 3 + key_count + arg_count;
    char                       count[24];

    const hf_instant deadline = hf_call_deadline(client, call, hf_now());
    struct hf_bytes *argv = hf_alloc(a, argc * sizeof *argv);
    if (!argv) return hf_fail(error, HF_E_NOMEM, "script");
    snprintf(count, sizeof count, "%zu", key_count);
    argv[0] = hf_str("EVALSHA");
    argv[1] = hf_str(sha1);
    argv[2] = hf_str(count);
    if (key_count) memcpy(argv + 3, keys, key_count * sizeof *argv);
    if (arg_count) memcpy(argv + 3 + key_count, args, arg_count * sizeof *argv);

    hf_err err = hf_client_command(client, call, argv, argc, reply, error);
    if (err == HF_E_NOSCRIPT) {
        struct hf_call rest = call ? *call : (struct hf_call){ 0 };
        rest.timeout = hf_between(hf_now(), deadline);
        if (rest.timeout.ns == 0) rest.timeout = hf_ns(1);
        argv[0] = hf_str("EVAL");
        argv[1] = hf_bytes(script->source, script->size);
        err = hf_client_command(client, &rest, argv, argc, reply, error);
    }
    hf_free(a, argv);
    return err;
}

hf_err hf_client_script(struct hf_client *client, const struct hf_call *call,
                        const struct hf_script *script, const struct hf_bytes *keys,
                        size_t key_count, const struct hf_bytes *args, size_t arg_count,
                        struct hf_reply **reply, struct hf_error *error)
{
    char sha1[SHA1_HEX_SIZE];
    if (!hash(script, sha1)) return hf_fail(error, HF_E_SYSTEM, "SHA-1 is not available");
    return hf_client_script_known(client, call, script, sha1, keys, key_count, args,
                                  arg_count, reply, error);
}
