/* credentials.h - names and passwords that change while the application runs.
 *
 *     hf_err ask_vault(struct hf_credentials *credentials, struct hf_error *error, void *ctx)
 *     {
 *         if (!vault_read(ctx, credentials->password, sizeof credentials->password))
 *             return HF_E_SYSTEM;
 *         snprintf(credentials->user, sizeof credentials->user, "cache");
 *         return HF_OK;
 *     }
 *
 *     hf_options_set_credentials(options, ask_vault, vault);
 *
 * The function is asked at each new connection, when the server has been reached; so a
 * password that is rotated needs no restart. It wins over what the URL and the options say.
 * What it wrote is overwritten with zeros once the server has been told.
 *
 * Threads:  the function runs in a thread of the client's own, never twice at once, with all
 *           signals blocked. It may call the library, but not close the client it is for.
 * Time:     it may take its time: neither the client's other work nor any caller waits for it
 *           past a deadline. A connection waits for it as long as socket_connect_timeout; an
 *           answer that comes later serves the next attempt. hf_client_close() waits for it.
 * Errors:   a function that fails, or does not answer in time, is HF_E_AUTH with its story,
 *           and is asked again after 1 s, then 2, 4, ... 30 s. */

#ifndef HOLDFAST_CREDENTIALS_H
#define HOLDFAST_CREDENTIALS_H

#include <holdfast/client.h>

HF_BEGIN_DECLS

enum { HF_USER_MAX = 128, HF_PASSWORD_MAX = 4096 };

struct hf_credentials {
    char user[HF_USER_MAX + 1];         /* "": the user called default. */
    char password[HF_PASSWORD_MAX + 1]; /* "": do not log in. */
};

/* Fills in *credentials, which comes zeroed. Anything but HF_OK: there are none now; what it
 * wrote into error->detail is told. */
typedef hf_err (*hf_credentials_fn)(struct hf_credentials *credentials,
                                    struct hf_error *error, void *ctx);

/* ask NULL: the URL and the options say it. ctx must outlive the client. */
HF_API void hf_options_set_credentials(struct hf_options *options, hf_credentials_fn ask,
                                       void *ctx);

/* Logs in anew, and returns at once. Each connection is replaced by one that has logged in
 * with what is asked for, or read, from now on (certificates too): calls under way end on the
 * old one, which closes when the last reply is in; so no call fails or waits. While the new
 * credentials are refused, the old connections serve on. For rotation on a schedule see the
 * option connection_lifetime. */
HF_API void hf_client_reauthenticate(struct hf_client *client);

HF_END_DECLS

#endif
