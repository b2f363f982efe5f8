/* script.h - scripts whose SHA-1 is known, so that it need not be computed at each call.
 *
 * Threads:  any; a script is constant. */

#ifndef HF_CLIENT_SCRIPT_H
#define HF_CLIENT_SCRIPT_H

#include <holdfast/script.h>

/* As hf_client_script(). sha1: forty hexadecimal digits of the script's SHA-1. */
HF_NODISCARD hf_err hf_client_script_known(struct hf_client       *client,
                                           const struct hf_call   *call,
                                           const struct hf_script *script, const char *sha1,
                                           const struct hf_bytes *keys, size_t key_count,
                                           const struct hf_bytes *args, size_t arg_count,
                                           struct hf_reply **reply, struct hf_error *error);

#endif
