#include "client/call.h"
#include "client/slow.h"
#include "core/alloc.h"
#include "core/cancel.h"
#include "core/error.h"

/* Held by its completion, by whoever starts it, and by a search for passed deadlines that has
 * found it; the last one frees it. */
struct hf_async {
    struct hf_mux_call call; /* First: the connection knows it by this. */
    struct hf_job      job;
    struct hf_client  *client;
    struct hf_mux     *mux;
    struct hf_reply   *reply;
    hf_instant         begun, deadline;
    struct hf_permit   permit;
    bool               is_script;
    size_t             name_size; /* Of the command, as much of it as there is room for. */
    char               name[HF_SLOW_COMMAND_MAX];
    hf_reply_fn        callback;
    void              *ctx;
    atomic_uint        holders;

    /* Under the client's async_lock. */
    struct hf_async *previous, *next;
    bool             is_listed, is_done;

    struct hf_async *next_expired; /* The search's. */

    struct traced *traced; /* Behind it in the same block; NULL: nobody wants to know. */
};

struct traced {
    struct hf_span      span;
    struct hf_call_name name;
};

static void release(struct hf_async *async)
{
    if (atomic_fetch_sub(&async->holders, 1) > 1) return;
    hf_free(hf_client_allocator(async->client), async);
}

/* Once it is on its way: from now on it can run into its deadline. */
static void list(struct hf_client *client, struct hf_async *async)
{
    pthread_mutex_lock(&client->async_lock);
    if (!async->is_done) {
        async->is_listed = true;
        async->next = client->asyncs.first;
        if (async->next) async->next->previous = async;
        client->asyncs.first = async;
        client->asyncs.earliest = hf_earlier_of(client->asyncs.earliest, async->deadline);
    }
    pthread_mutex_unlock(&client->async_lock);
}

static void unlist(struct hf_client *client, struct hf_async *async)
{
    pthread_mutex_lock(&client->async_lock);
    async->is_done = true;
    if (async->is_listed) {
        *(async->previous ? &async->previous->next : &client->asyncs.first) = async->next;
        if (async->next) async->next->previous = async->previous;
    }
    pthread_mutex_unlock(&client->async_lock);
}

static struct hf_async *async_of(struct hf_job *job)
{
    return (struct hf_async *)((char *)job - offsetof(struct hf_async, job));
}

static void start_span(struct hf_async *async, const struct hf_call *call,
                       const struct hf_request *request)
{
    struct traced *traced = async->traced;
    if (!traced) return;
    hf_call_start_span(async->client->tracer, &traced->span, HF_SPAN_ASYNC, &traced->name,
                       call, request);
}

static void end_span(struct hf_async *async, hf_err err, uint32_t attempts)
{
    if (!async->traced) return;
    async->traced->span.attempts = attempts;
    hf_tracer_end(async->client->tracer, &async->traced->span, err);
}

/* In the callback pool. */
static void call_back(struct hf_job *job)
{
    struct hf_async  *async = async_of(job);
    struct hf_client *client = async->client;
    struct hf_error   error = { .code = async->call.err };
    hf_err            err = async->call.err;
    if (err) {
        (void)hf_fail(&error, err, "%s", hf_err_text(err));
    } else {
        err = hf_reply_verdict(async->reply, async->is_script, &error);
        if (err) hf_reply_free(async->reply);
    }
    const hf_instant now = hf_now();
    hf_breaker_report(&client->endpoint.breaker, now, async->permit, hf_call_outcome(err),
                      hf_between(async->begun, now));
    hf_call_count(client, err, async->begun, async->deadline, now);
    hf_client_note_slow(client, &(struct hf_slow_story){
                                    .command = hf_bytes(async->name, async->name_size),
                                    .begun = async->begun,
                                    .ended = now,
                                    .deadline = async->deadline,
                                    .attempts = 1,
                                    .err = err,
                                });
    end_span(async, err, 1);
    async->callback(err, err ? NULL : async->reply, &error, async->ctx);
    release(async);
    hf_client_leave(client);
}

/* In whatever thread completed it. */
static void async_done(struct hf_mux_call *call)
{
    struct hf_async  *async = (struct hf_async *)call;
    struct hf_client *client = async->client;
    unlist(client, async);
    async->job.run = call_back;
    hf_callbacks_post(&client->callbacks, &async->job);
}

static hf_err start(struct hf_client *client, struct hf_async *async,
                    const struct hf_request *request)
{
    struct hf_breaker *breaker = &client->endpoint.breaker;
    hf_err             err = hf_breaker_admit(breaker, async->begun, &async->permit);
    if (err) return err;

    /* A deadline of now: where there is no connection yet, it does not wait for one. */
    err = hf_endpoint_route(&client->endpoint, async->begun, &async->mux, NULL);
    if (!err) err = hf_mux_start(async->mux, &async->call, &request->message);
    if (err) {
        hf_breaker_report(breaker, async->begun, async->permit, HF_OUTCOME_NEUTRAL, hf_ns(0));
    }
    return err == HF_E_TIMEOUT ? HF_E_UNAVAILABLE : err;
}

static struct hf_async *make_async(struct hf_client *client, const struct hf_call *call,
                                   const struct hf_request *request, hf_reply_fn callback,
                                   void *ctx)
{
    const size_t     more = client->tracer ? sizeof(struct traced) : 0;
    struct hf_async *async = hf_alloc_zero(hf_client_allocator(client), 1,
                                           sizeof *async + more);
    if (!async) return NULL;
    if (more) async->traced = (struct traced *)(async + 1);
    async->call.replies = &async->reply;
    async->call.expected = 1;
    async->call.done = async_done;
    async->client = client;
    async->is_script = request->is_script;
    const struct hf_bytes name = request->message.argv[0];
    async->name_size = name.size < sizeof async->name ? name.size : sizeof async->name;
    memcpy(async->name, name.data, async->name_size);
    async->callback = callback;
    async->ctx = ctx;
    async->holders = 2;
    async->begun = hf_now();
    async->deadline = hf_call_deadline(client, call, async->begun);
    return async;
}

static hf_err command_async(struct hf_client *client, const struct hf_call *call,
                            const struct hf_bytes *argv, size_t argc, hf_reply_fn callback,
                            void *ctx)
{
    struct hf_request request;
    hf_err            err = hf_request_make(call, argv, argc, &request, NULL);
    if (!err && (request.blocking || (call && call->blocking))) err = HF_E_INVALID;
    if (!err) err = hf_client_enter(client, NULL);
    if (err) return err;

    struct hf_async *async = make_async(client, call, &request, callback, ctx);
    err = async ? hf_callbacks_start(&client->callbacks) : HF_E_NOMEM;
    if (!err) {
        start_span(async, call, &request);
        err = start(client, async, &request);
        if (err) end_span(async, err, 0);
    }
    if (err) {
        hf_metrics_error(client->metrics, err);
        hf_free(hf_client_allocator(client), async);
        hf_client_leave(client);
        return err;
    }
    list(client, async);
    release(async);
    hf_client_attention(client); /* Its deadline may be the earliest. */
    return HF_OK;
}

hf_err hf_client_command_async(struct hf_client *client, const struct hf_call *call,
                               const struct hf_bytes *argv, size_t argc, hf_reply_fn callback,
                               void *ctx)
{
    const int    cancels = hf_cancel_defer();
    const hf_err err = command_async(client, call, argv, argc, callback, ctx);
    hf_cancel_restore(cancels);
    return err;
}

/* Locked. Chains those whose deadline has passed, and holds them; of the others the earliest
 * deadline is known again. */
static struct hf_async *take_expired(struct hf_client *client, hf_instant now)
{
    struct hf_async *expired = NULL;
    client->asyncs.earliest = hf_never();
    for (struct hf_async *async = client->asyncs.first; async; async = async->next) {
        if (hf_before(now, async->deadline)) {
            client->asyncs.earliest = hf_earlier_of(client->asyncs.earliest, async->deadline);
            continue;
        }
        atomic_fetch_add(&async->holders, 1);
        async->next_expired = expired;
        expired = async;
    }
    return expired;
}

hf_instant hf_client_expire_asyncs(struct hf_client *client, hf_instant now)
{
    struct hf_async *expired = NULL;
    pthread_mutex_lock(&client->async_lock);
    if (!hf_before(now, client->asyncs.earliest)) expired = take_expired(client, now);
    const hf_instant earliest = client->asyncs.earliest;
    pthread_mutex_unlock(&client->async_lock);

    while (expired) {
        struct hf_async *next = expired->next_expired;
        hf_mux_give_up(expired->mux, &expired->call);
        release(expired);
        expired = next;
    }
    return earliest;
}
