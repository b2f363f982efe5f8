/* client_kit.h - a client for a test in one line, and commands in another.
 *
 *     struct hf_client *client = client_open(url, "socket_timeout", "0.1", NULL);
 *     assert_int_equal(client_do(client, "SET", "k", "v", NULL), HF_OK);
 *     assert_string_equal(client_text(client, "GET", "k", NULL), "v");
 *
 * Threads:  any.
 * Errors:   what cannot fail in a sound tree aborts with a message. */

#ifndef HF_TESTS_CLIENT_KIT_H
#define HF_TESTS_CLIENT_KIT_H

#include <holdfast/holdfast.h>

/* Where clients opened from now on get their memory; NULL: malloc. */
void client_allocate_from(const struct hf_allocator *allocator);

/* Opens with options given as name, value, ..., NULL. Does not wait. */
struct hf_client *client_open(const char *url, ...) __attribute__((sentinel));

/* The same, and waits until the server answers. */
struct hf_client *client_open_ready(const char *url, ...) __attribute__((sentinel));

/* Runs a command of NUL-terminated words, and drops the reply. */
hf_err client_do(struct hf_client *client, ...) __attribute__((sentinel));

/* The same with settings, and the reply, the caller's, in *reply on HF_OK. */
hf_err client_ask(struct hf_client *client, const struct hf_call *call,
                  struct hf_reply **reply, ...) __attribute__((sentinel));

/* The reply as text in a static buffer per thread; "(nil)", or the name of the error. */
const char *client_text(struct hf_client *client, ...) __attribute__((sentinel));

/* The reply as an integer; aborts if it is none. */
int64_t client_int(struct hf_client *client, ...) __attribute__((sentinel));

#endif
