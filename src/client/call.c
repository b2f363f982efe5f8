#include "client/call.h"

#include "client/slow.h"
#include "core/cancel.h"
#include "core/error.h"
#include "net/server_error.h"

enum {
    OVERRUN_MS = 20,
    ORDER_LOOK_MS = 2,
};

hf_instant hf_call_deadline(const struct hf_client *client, const struct hf_call *call,
                            hf_instant now)
{
    const bool own = call && call->timeout.ns > 0;
    return hf_later(now, own ? call->timeout : client->options->socket_timeout);
}

hf_err hf_reply_verdict(const struct hf_reply *reply, bool is_script, struct hf_error *error)
{
    struct hf_bytes text;
    if (hf_reply_type(reply) != HF_REPLY_ERROR) return HF_OK;
    if (hf_reply_bytes(reply, &text)) return hf_fail(error, HF_E_PROTOCOL, "error reply");

    hf_err err = hf_server_error(text);
    if (err == HF_E_OOM && is_script) err = HF_E_OOM_SCRIPT;
    return hf_fail(error, err, "%.*s", (int)text.size, (const char *)text.data);
}

static bool wants_lease(const struct hf_client *client, const struct hf_call *call,
                        const struct hf_request *request)
{
    if (client->options->max_connections < 2) return false;
    if (request->blocking || request->size >= HF_LARGE_SIZE) return true;
    return call && (call->expect_large || call->blocking);
}

/* A write that overtook a command whose fate is unknown could be undone by it: on a
 * connection of its own it waits until nothing can land late any more. */
static hf_err await_order(struct hf_client *client, const struct hf_request *request,
                          hf_instant deadline, struct hf_error *error)
{
    struct hf_endpoint *e = &client->endpoint;
    if (request->class_ == HF_COMMAND_READ) return HF_OK;
    while (hf_endpoint_has_loose_ends(e)) {
        struct hf_mux   *mux;
        const hf_instant now = hf_now();
        const hf_err     err = hf_endpoint_route(e, deadline, &mux, error); /* Or why not. */
        if (err) return err;
        if (!hf_before(now, deadline)) {
            return hf_fail(error, HF_E_TIMEOUT, "an earlier command may still be applied");
        }
        if (!hf_endpoint_pause(
                e, hf_earlier_of(deadline, hf_later(now, hf_ms(ORDER_LOOK_MS))))) {
            return hf_fail(error, HF_E_CLOSED, "client is closed");
        }
    }
    return HF_OK;
}

static hf_err exchange(struct hf_client *client, struct hf_request *request, bool leases,
                       hf_instant route_deadline, hf_instant deadline, struct hf_error *error)
{
    struct hf_endpoint *e = &client->endpoint;
    struct hf_mux      *mux;
    hf_err              err = leases ? hf_endpoint_lease(e, route_deadline, &mux, error)
                                     : hf_endpoint_route(e, route_deadline, &mux, error);
    if (err) return err;

    struct hf_mux_call call = { .replies = request->replies, .expected = request->expected };
    request->message.borrowed = leases && request->size >= HF_LARGE_SIZE;
    err = hf_mux_call(mux, &call, &request->message, deadline, error);
    request->received = call.received;
    if (leases) {
        hf_endpoint_put(e, mux);
    } else if (err == HF_E_UNSENT) {
        hf_endpoint_retire(e, mux);
    }
    return err;
}

/* The end of a connection is one failure, which the endpoint reports; here only what a call
 * itself has seen of the server. */
enum hf_outcome hf_call_outcome(hf_err err)
{
    const enum hf_category category = hf_err_category(err);
    if (category == HF_CATEGORY_LOST || category == HF_CATEGORY_CONNECTION ||
        category == HF_CATEGORY_USAGE || category == HF_CATEGORY_LOCAL ||
        category == HF_CATEGORY_REJECTED) {
        return HF_OUTCOME_NEUTRAL;
    }
    return hf_err_counts_against_endpoint(err) ? HF_OUTCOME_FAILURE : HF_OUTCOME_SUCCESS;
}

/* Those that came before an earlier attempt failed. */
static void drop_replies(struct hf_request *request)
{
    for (uint32_t i = 0; i < request->received; i++) {
        hf_reply_free(request->replies[i]);
        request->replies[i] = NULL;
    }
    request->received = 0;
}

static hf_err attempt(struct hf_client *client, const struct hf_call *call,
                      struct hf_request *request, hf_instant route_deadline,
                      hf_instant deadline, struct hf_error *error)
{
    drop_replies(request);
    const bool leases = wants_lease(client, call, request);
    hf_err     err = leases ? await_order(client, request, route_deadline, error) : HF_OK;
    if (!err) err = exchange(client, request, leases, route_deadline, deadline, error);
    if (err == HF_OK && request->is_single) {
        err = hf_reply_verdict(request->replies[0], request->is_script, error);
        if (err) drop_replies(request);
    }
    return err;
}

hf_err hf_call_with_doubt(hf_err doubt, hf_err err, struct hf_error *error)
{
    if (err == HF_OK || doubt == HF_OK || hf_err_outcome_unknown(err)) return err;
    return hf_fail_in(error, doubt, "%s; then", hf_err_text(doubt));
}

/* Every attempt asks leave of the breaker; only the last one counts, because what is counted
 * is calls. */
static hf_err run_attempts(struct hf_client *client, const struct hf_call *call,
                           struct hf_request *request, hf_instant now, hf_instant deadline,
                           hf_instant *ended, struct hf_error *error)
{
    struct hf_endpoint   *e = &client->endpoint;
    struct hf_retry_state retry;
    hf_err                doubt = HF_OK; /* How an attempt with unknown outcome ended. */
    hf_retry_begin(&retry, &e->retry_opts, request->class_, now, deadline);
    hf_retry_budget_earn(&e->budget);
    for (;;) {
        struct hf_permit permit;
        hf_err           err = hf_breaker_admit(&e->breaker, now, &permit);
        *ended = now;
        if (err) return hf_call_with_doubt(doubt, hf_fail_bare(error, err), error);
        const hf_instant end = hf_retry_attempt_deadline(&retry, now);
        err = attempt(client, call, request, deadline, end, error);
        *ended = hf_now();
        if (request->attempts++ == 0) request->first = err;
        hf_duration pause;
        const bool  again = err && hf_retry_again(&retry, err, *ended, &e->budget, &pause);
        hf_breaker_report(&e->breaker, *ended, permit,
                          again ? HF_OUTCOME_NEUTRAL : hf_call_outcome(err),
                          hf_between(now, *ended));
        if (!again) return hf_call_with_doubt(doubt, err, error);
        if (request->class_ != HF_COMMAND_READ && hf_err_outcome_unknown(err)) doubt = err;
        hf_metrics_inc(client->metrics, HF_STAT_RETRIES);
        if (pause.ns > 0 && !hf_endpoint_pause(e, hf_later(*ended, pause))) {
            return hf_call_with_doubt(doubt, err, error);
        }
        now = hf_now();
    }
}

/* What the limit goes by is time: an error that came quickly is none of its concern. */
static enum hf_outcome outcome_for_limit(hf_err err)
{
    if (hf_err_category(err) == HF_CATEGORY_TIMEOUT) return HF_OUTCOME_FAILURE;
    const bool is_answer = hf_call_outcome(err) == HF_OUTCOME_SUCCESS;
    return is_answer ? HF_OUTCOME_SUCCESS : HF_OUTCOME_NEUTRAL;
}

/* Under the adaptive limit, where that is asked for. What waits or is large by nature neither
 * takes part in it nor tells how fast the server is. */
static hf_err run_within_limit(struct hf_client *client, const struct hf_call *call,
                               struct hf_request *request, hf_instant now,
                               hf_instant deadline, hf_instant *ended, struct hf_error *error)
{
    struct hf_endpoint *e = &client->endpoint;
    if (!e->opts.adapts || wants_lease(client, call, request)) {
        return run_attempts(client, call, request, now, deadline, ended, error);
    }
    struct hf_ticket ticket;
    hf_err           err = hf_admission_enter(&e->admission, &ticket);
    *ended = now;
    if (err) return hf_fail(error, err, "the server is slow, and enough calls wait for it");

    err = run_attempts(client, call, request, now, deadline, ended, error);
    hf_admission_leave(&e->admission, *ended, ticket, outcome_for_limit(err),
                       hf_between(now, *ended), hf_between(now, deadline));
    return err;
}

void hf_call_count(struct hf_client *client, hf_err err, hf_instant begun,
                   hf_instant deadline, hf_instant now)
{
    const hf_duration took = hf_between(begun, now);
    if (err == HF_OK) {
        hf_metrics_inc_and_record(client->metrics, HF_STAT_CALLS_OK, HF_LATENCY_CALL, took);
    } else {
        hf_metrics_error(client->metrics, err);
        /* What was refused here says nothing of how long a call takes. */
        if (hf_err_category(err) != HF_CATEGORY_REJECTED) {
            hf_metrics_record(client->metrics, HF_LATENCY_CALL, took);
        }
    }
    if (hf_to_ms(hf_between(deadline, now)) > OVERRUN_MS) {
        hf_metrics_inc(client->metrics, HF_STAT_DEADLINE_OVERRUNS);
    }
}

/* What blocks by nature is slow only when it came too late. */
static void note_slow(struct hf_client *client, const struct hf_request *request,
                      hf_instant begun, hf_instant ended, hf_instant deadline, hf_err err)
{
    const struct hf_bytes *argv = request->message.argv;
    if (!hf_slow_log_wants(hf_between(begun, ended), hf_between(begun, deadline))) return;
    if (request->blocking && !err) return;
    hf_client_note_slow(client, &(struct hf_slow_story){
                                    .command = argv ? argv[0] : hf_str("batch"),
                                    .begun = begun,
                                    .ended = ended,
                                    .deadline = deadline,
                                    .attempts = request->attempts,
                                    .first = request->first,
                                    .err = err,
                                });
}

static hf_err run_counted(struct hf_client *client, const struct hf_call *call,
                          struct hf_request *request, struct hf_error *error)
{
    const hf_instant begun = hf_now();
    const hf_instant deadline = hf_call_deadline(client, call, begun);
    hf_instant       ended;
    const hf_err     err = run_within_limit(client, call, request, begun, deadline, &ended,
                                            error);
    hf_call_count(client, err, begun, deadline, ended);
    note_slow(client, request, begun, ended, deadline, err);
    return err;
}

const char *hf_call_name(struct hf_call_name *name, const struct hf_request *request)
{
    if (request->name) return request->name;
    const struct hf_bytes first = request->message.argv[0];
    size_t                size = 0;
    for (; size < first.size && size + 1 < sizeof name->text; size++) {
        const char c = ((const char *)first.data)[size];
        name->text[size] = c > ' ' && c <= '~' ? c : '?';
        if (c >= 'a' && c <= 'z') name->text[size] = (char)(c - 'a' + 'A');
    }
    name->text[size] = '\0';
    return name->text;
}

void hf_call_start_span(const struct hf_tracer *tracer, struct hf_span *span,
                        enum hf_span_kind kind, struct hf_call_name *name,
                        const struct hf_call *call, const struct hf_request *request)
{
    hf_tracer_start(tracer, span, kind, hf_call_name(name, request),
                    call ? &call->trace : NULL);
    span->commands = request->expected;
    span->bytes = request->size;
}

static hf_err run_traced(struct hf_client *client, const struct hf_call *call,
                         struct hf_request *request, struct hf_error *error)
{
    struct hf_call_name name;
    struct hf_span      span;
    hf_call_start_span(client->tracer, &span, HF_SPAN_COMMAND, &name, call, request);
    const hf_err err = run_counted(client, call, request, error);
    span.attempts = request->attempts;
    hf_tracer_end(client->tracer, &span, err);
    return err;
}

static hf_err run(struct hf_client *client, const struct hf_call *call,
                  struct hf_request *request, struct hf_error *error)
{
    hf_err err = hf_client_enter(client, error);
    if (err) return err;

    err = client->tracer ? run_traced(client, call, request, error)
                         : run_counted(client, call, request, error);
    hf_client_leave(client);
    return err;
}

hf_err hf_call_run(struct hf_client *client, const struct hf_call *call,
                   struct hf_request *request, struct hf_error *error)
{
    const int    cancels = hf_cancel_defer();
    const hf_err err = run(client, call, request, error);
    hf_cancel_restore(cancels);
    return err;
}
