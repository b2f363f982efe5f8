/* client.h - one connection to Redis for all threads, that never takes the caller down.
 *
 *     struct hf_client *client;
 *     struct hf_bytes argv[] = { hf_str("GET"), hf_str("greeting") };
 *     struct hf_reply *reply;
 *
 *     if (hf_client_open(options, &client, &error)) return fail(&error);
 *     if (hf_client_command(client, NULL, argv, 2, &reply, &error) == HF_OK) {
 *         use(reply);
 *         hf_reply_free(reply);
 *     }
 *     hf_client_close(client);
 *
 * Opening does no network I/O and succeeds while Redis is down. Each call carries one
 * deadline, which bounds everything: waiting for a connection, DNS, connecting, TLS, AUTH,
 * sending, receiving and all retries.
 *
 * Threads:  any number share a client. Open and close are for one thread; closing while
 *           other threads are in calls makes those return HF_E_CLOSED, and waits for them.
 * Fork:     the child's calls return HF_E_FORKED; the child opens a client of its own.
 * Signals:  none are installed or needed; SIGPIPE is never raised.
 * Cancel:   pthread_cancel() takes effect after the call: no call is a cancellation point,
 *           and none is left half done.
 * Memory:   bounded by options; a reply belongs to the caller.
 * Errors:   see error.h. The categories say whether a call can have been applied. */

#ifndef HOLDFAST_CLIENT_H
#define HOLDFAST_CLIENT_H

#include <holdfast/api.h>
#include <holdfast/bytes.h>
#include <holdfast/error.h>
#include <holdfast/options.h>
#include <holdfast/reply.h>
#include <holdfast/time.h>
#include <holdfast/trace.h>

HF_BEGIN_DECLS

struct hf_client;

/* Starts the client; connecting happens in the background. options NULL: all defaults.
 * They are copied. HF_E_INVALID for settings that contradict each other, HF_E_NO_SERVER
 * when an embedded server cannot be started, HF_E_NOMEM, HF_E_SYSTEM. error may be NULL. */
HF_API HF_NODISCARD hf_err hf_client_open(const struct hf_options *options,
                                          struct hf_client **client, struct hf_error *error);

/* Ends it. Calls under way return within milliseconds. NULL is fine. In a forked child it
 * only closes descriptors and frees memory, but for what a thread was changing meanwhile. */
HF_API void hf_client_close(struct hf_client *client);

/* Waits until the server answers, at most timeout. HF_OK; else why it is not there, for
 * example HF_E_CONNECT or HF_E_LOADING, or HF_E_TIMEOUT when nothing was heard at all. */
HF_API HF_NODISCARD hf_err hf_client_wait_ready(struct hf_client *client, hf_duration timeout,
                                                struct hf_error *error);

/* How a command may be repeated. */
enum hf_command_class {
    HF_COMMAND_AUTO,         /* By the table of commands; unknown ones are ACCUMULATING. */
    HF_COMMAND_READ,         /* Changes nothing. */
    HF_COMMAND_IDEMPOTENT,   /* A write that may be applied twice: SET, DEL. */
    HF_COMMAND_ACCUMULATING, /* A write that may not: INCR, LPUSH. Never sent again. */
};

/* One call's settings; zero-initialised means the defaults. */
struct hf_call {
    hf_duration           timeout; /* Total bound; 0: the option socket_timeout. */
    enum hf_command_class command_class;
    bool                  expect_large; /* The reply may be over 64 KiB: it gets a connection
                                           of its own, so that small calls keep their pace. */
    bool                  blocking;     /* BLPOP and the like: a connection of its own. */
    struct hf_trace_context trace;      /* What it is a part of, for tracing; see trace.h. */
};

/* Sends one command of argc >= 1 arguments and waits for its answer. call and error may be
 * NULL. On HF_OK *reply is the caller's. An error reply of the server is an error here: its
 * text is in the detail. HF_E_INVALID for what would change a connection that others share:
 * SELECT, MULTI, WATCH, SUBSCRIBE, MONITOR, CLIENT REPLY and the like. */
HF_API HF_NODISCARD hf_err hf_client_command(struct hf_client      *client,
                                             const struct hf_call  *call,
                                             const struct hf_bytes *argv, size_t argc,
                                             struct hf_reply **reply, struct hf_error *error);

/* How an asynchronous command ended. reply is NULL unless err is HF_OK, and then belongs to
 * the callback. It is called exactly once for each accepted command, in a thread of the
 * client's callback pool, never in the caller's and never under a lock. */
typedef void (*hf_reply_fn)(hf_err err, struct hf_reply *reply, const struct hf_error *error,
                            void *ctx);

/* Starts one command and returns at once; the arguments are copied. On anything but HF_OK
 * the callback will not come: HF_E_OVERLOAD at the limit, HF_E_BREAKER_OPEN, ... It shares
 * the connection of the small calls and is sent once: a blocking command is HF_E_INVALID. */
HF_API HF_NODISCARD hf_err hf_client_command_async(struct hf_client      *client,
                                                   const struct hf_call  *call,
                                                   const struct hf_bytes *argv, size_t argc,
                                                   hf_reply_fn callback, void *ctx);

HF_END_DECLS

#endif
