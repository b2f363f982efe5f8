/* call.h - one call from admission to its answer, whatever it sends.
 *
 *     admit -> route or lease -> send, receive -> report --> answer
 *       ^                                            |
 *       +---- retry, inside the same deadline <------+
 *
 * Threads:  any; a request belongs to its caller.
 * Time:     ends at the deadline. With retry_on_timeout one attempt gets less than the
 *           whole, so that there is time left for another. */

#ifndef HF_CLIENT_CALL_H
#define HF_CLIENT_CALL_H

#include "client/client.h"

enum { HF_LARGE_SIZE = 64 * 1024 }; /* From here on a command gets a connection of its own. */

struct hf_request {
    struct hf_mux_message message;
    size_t                size;     /* Bytes when encoded. */
    enum hf_command_class class_;   /* Never AUTO. */
    bool                  blocking; /* As the command says; the call may add it. */
    bool                  is_script;
    struct hf_reply     **replies;
    uint32_t              expected;
    uint32_t    received;  /* Set at the end; on failure they are the caller's too. */
    bool        is_single; /* An error reply is the error of the call. */
    uint32_t    attempts;  /* Set at the end: those that reached the server ... */
    hf_err      first;     /* ... and how the first of them ended. */
    const char *name;      /* Constant, for tracing; NULL: the first argument. */
};

/* Describes one command; *request then wants `replies`. HF_E_INVALID, HF_E_TOO_LARGE. */
HF_NODISCARD hf_err hf_request_make(const struct hf_call *call, const struct hf_bytes *argv,
                                    size_t argc, struct hf_request *request,
                                    struct hf_error *error);

/* When the call must be over: from now, by its own timeout or the client's. */
hf_instant hf_call_deadline(const struct hf_client *client, const struct hf_call *call,
                            hf_instant now);

/* Runs the request. On failure of a single one there is no reply. */
HF_NODISCARD hf_err hf_call_run(struct hf_client *client, const struct hf_call *call,
                                struct hf_request *request, struct hf_error *error);

/* For tracing: what is sent, in capitals and without arguments. */
enum { HF_CALL_NAME_MAX = 32 };
struct hf_call_name {
    char text[HF_CALL_NAME_MAX];
};
const char *hf_call_name(struct hf_call_name *name, const struct hf_request *request);

/* Opens the span of a request; the name must live as long. */
void hf_call_start_span(const struct hf_tracer *tracer, struct hf_span *span,
                        enum hf_span_kind kind, struct hf_call_name *name,
                        const struct hf_call *call, const struct hf_request *request);

/* What a later try ended with does not undo what an earlier one may have done: the doubt of
 * that one stays (HF_OK: there is none), unless this one succeeded. */
HF_NODISCARD hf_err hf_call_with_doubt(hf_err doubt, hf_err err, struct hf_error *error);

/* What a call that ended so says of the endpoint. */
enum hf_outcome hf_call_outcome(hf_err err);

/* Counts a call that has ended now. */
void hf_call_count(struct hf_client *client, hf_err err, hf_instant begun,
                   hf_instant deadline, hf_instant now);

/* HF_OK, or what an error reply means, with its text as the detail. A script that passes the
 * server's OOM on may have written before. */
HF_NODISCARD hf_err hf_reply_verdict(const struct hf_reply *reply, bool is_script,
                                     struct hf_error *error);

#endif
