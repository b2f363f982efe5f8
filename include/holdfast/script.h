/* script.h - Lua scripts by their SHA-1, sent in full only when the server lacks them.
 *
 *     static const struct hf_script add = HF_SCRIPT("return ARGV[1] + ARGV[2]");
 *     err = hf_client_script(client, NULL, &add, NULL, 0, args, 2, &reply, &error);
 *
 * EVALSHA first; on NOSCRIPT, as after a failover or a restart, one EVAL. The class of the
 * call decides about retries; scripts count as ACCUMULATING unless it says otherwise.
 *
 * Redis does not roll a script back: one that fails half way has done its first half. An
 * error of the server's from inside a script (WRONGTYPE, ERR) says nothing about that;
 * running out of memory is HF_E_OOM_SCRIPT, outcome unknown.
 *
 * Threads:  any; a script is constant.
 * Cost:     the SHA-1 is computed at each call, about 1 us per KiB. */

#ifndef HOLDFAST_SCRIPT_H
#define HOLDFAST_SCRIPT_H

#include <holdfast/client.h>

HF_BEGIN_DECLS

struct hf_script {
    const char *source; /* Must outlive the client. */
    size_t      size;   /* Bytes, without the NUL. */
};

#define HF_SCRIPT(text)                                                                      \
    {                                                                                        \
        text, sizeof(text) - 1                                                               \
    }

HF_API HF_NODISCARD hf_err hf_client_script(struct hf_client       *client,
                                            const struct hf_call   *call,
                                            const struct hf_script *script,
                                            const struct hf_bytes *keys, size_t key_count,
                                            const struct hf_bytes *args, size_t arg_count,
                                            struct hf_reply **reply, struct hf_error *error);

HF_END_DECLS

#endif
