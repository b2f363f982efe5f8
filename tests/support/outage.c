#include "support/outage.h"

#include "support/canary.h"
#include "support/client_kit.h"
#include "support/counting_allocator.h"
#include "support/die.h"
#include "support/fault_proxy.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum {
    THREADS = 8,
    PACE_MS = 2,
    CALL_TIMEOUT_MS = 100,
    OVERRUN_MAX_MS = 10,
    FIRST_SUCCESS_MAX_MS = 250,
    RATE_BACK_MS = 1000,
    RATE_SPAN_MS = 1000,
    RATE_LOOKS = 10,
    DISTURBED_MS = 5,
};

#define SHARE_MIN 0.90

/* Threads that call one server steadily. */
struct crowd {
    struct canary            *canary;
    struct redis_server      *server;
    struct fault_proxy       *proxy;
    struct hf_client         *client;
    struct counting_allocator memory; /* The client's. */
    pthread_t                 threads[THREADS];
    atomic_bool               stops;
    atomic_long               calls, successes;
    _Atomic int64_t           first_success_ns; /* Since it was cleared. */
    _Atomic int64_t           worst_overrun_ns;
    uint64_t                  fault;
};

const char *outage_name(enum outage outage)
{
    static const char *const names[] = { "hang", "kill", "drop", "reset", "refused" };
    return names[outage];
}

/* ---- The load ------------------------------------------------------------------ */

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void note_overrun(struct crowd *c, hf_instant from, hf_instant to)
{
    const int64_t took = hf_between(from, to).ns;
    if (took <= hf_ms(CALL_TIMEOUT_MS).ns) return;
    const int64_t late = canary_worst_delay(c->canary, from, to).ns;
    const int64_t over = took - late - hf_ms(CALL_TIMEOUT_MS).ns;
    int64_t       worst = atomic_load(&c->worst_overrun_ns);
    while (over > worst &&
           !atomic_compare_exchange_weak(&c->worst_overrun_ns, &worst, over)) {
    }
}

static void *call_steadily(void *arg)
{
    struct crowd *c = arg;
    while (!atomic_load(&c->stops)) {
        struct hf_reply     *reply = NULL;
        const struct hf_call call = { .timeout = hf_ms(CALL_TIMEOUT_MS) };
        const hf_instant     from = hf_now();
        const hf_err         err = client_ask(c->client, &call, &reply, "GET", "k", NULL);
        const hf_instant     to = hf_now();
        note_overrun(c, from, to);
        atomic_fetch_add(&c->calls, 1);
        if (!err) {
            int64_t none = 0;
            hf_reply_free(reply);
            atomic_fetch_add(&c->successes, 1);
            atomic_compare_exchange_strong(&c->first_success_ns, &none, to.ns);
        }
        (void)stays_true(always, NULL, hf_ms(PACE_MS));
    }
    return NULL;
}

static bool has_succeeded(void *arg)
{
    return atomic_load(&((struct crowd *)arg)->first_success_ns) != 0;
}

static void crowd_start(struct crowd *c, struct canary *canary, bool through_proxy)
{
    *c = (struct crowd){ .canary = canary };
    c->server = redis_server_open(&(struct redis_server_options){ .tcp = true });
    if (through_proxy) c->proxy = fault_proxy_start_tcp(redis_server_port(c->server));
    const char *url = c->proxy ? fault_proxy_url(c->proxy) : redis_server_tcp_url(c->server);
    counting_allocator_init(&c->memory);
    client_allocate_from(&c->memory.base);
    c->client = client_open_ready(url, NULL);
    client_allocate_from(NULL);
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&c->threads[i], NULL, call_steadily, c)) die("no thread");
    }
    assert_true(wait_until(has_succeeded, c, hf_seconds(10)));
}

static void crowd_stop(struct crowd *c)
{
    atomic_store(&c->stops, true);
    for (int i = 0; i < THREADS; i++) pthread_join(c->threads[i], NULL);
    hf_client_close(c->client);
    fault_proxy_close(c->proxy);
    redis_server_close(c->server);
}

struct served {
    long   calls, successes;
    double thread_s; /* Of all callers, without what the machine let them wait. */
};

/* A caller waits for a processor, and for all who have to run for its call. */
static int64_t waited_so_far(const struct crowd *c)
{
    return canary_delays_of(getpid()).ns + canary_delays_of(redis_server_pid(c->server)).ns;
}

static struct served serve_for(struct crowd *c, hf_duration span)
{
    const long       calls = atomic_load(&c->calls), successes = atomic_load(&c->successes);
    const int64_t    waited_ns = waited_so_far(c);
    const hf_instant from = hf_now();
    (void)stays_true(always, NULL, span);
    const int64_t all_ns = THREADS * hf_between(from, hf_now()).ns;
    return (struct served){
        .calls = atomic_load(&c->calls) - calls,
        .successes = atomic_load(&c->successes) - successes,
        .thread_s = (double)(all_ns - (waited_so_far(c) - waited_ns)) / 1e9,
    };
}

/* The share of its calls that it answers, or of its rate before, whichever is smaller. */
static double share_of(const struct served *before, const struct served *now)
{
    const double answered = (double)now->successes / (double)now->calls;
    const double rate = (double)now->successes / now->thread_s;
    const double rate_before = (double)before->successes / before->thread_s;
    return answered < rate / rate_before ? answered : rate / rate_before;
}

/* The first look comes a second after the first success, and decides. Only where the machine
 * itself was late in that second, calls may have been late and few for its reasons: then the
 * next second decides, until one was undisturbed. */
static void check_rate(struct crowd *c, const struct served *before)
{
    for (int i = 0; i < RATE_LOOKS; i++) {
        const hf_instant    from = hf_now();
        const struct served now = serve_for(c, hf_ms(RATE_SPAN_MS));
        const int64_t       late = canary_worst_delay(c->canary, from, hf_now()).ns;
        const double        share = share_of(before, &now);
        printf(
            "  served %ld of %ld calls, %ld before, in %.2f thread seconds, %.2f before: a "
            "share of %.3f; the machine was %.1f ms late\n",
            now.successes, now.calls, before->successes, now.thread_s, before->thread_s,
            share, (double)late / 1e6);
        if (share >= SHARE_MIN) return;
        assert_true(late >= hf_ms(DISTURBED_MS).ns);
    }
    fail_msg("no undisturbed second in %d", RATE_LOOKS);
}

/* ---- The outage ---------------------------------------------------------------- */

static bool needs_proxy(enum outage outage)
{
    return outage == OUTAGE_DROP || outage == OUTAGE_RESET || outage == OUTAGE_REFUSED;
}

static void begin_outage(struct crowd *c, enum outage outage)
{
    static const enum fault_kind kinds[] = { [OUTAGE_DROP] = FAULT_BLACK_HOLE,
                                             [OUTAGE_RESET] = FAULT_RESET,
                                             [OUTAGE_REFUSED] = FAULT_REFUSE };
    switch (outage) {
    case OUTAGE_HANG: redis_server_pause(c->server); return;
    case OUTAGE_KILL: redis_server_kill(c->server); return;
    default: c->fault = fault_proxy_set(c->proxy, &(struct fault){ .kind = kinds[outage] });
    }
    if (outage != OUTAGE_DROP) fault_proxy_cut(c->proxy, 0, FAULT_RESET_END);
}

/* Returns when the server is back. */
static hf_instant end_outage(struct crowd *c, enum outage outage)
{
    switch (outage) {
    case OUTAGE_HANG: redis_server_resume(c->server); break;
    case OUTAGE_KILL: redis_server_restart(c->server); break;
    default:
        /* What a network has dropped stays dropped. */
        if (outage == OUTAGE_DROP) fault_proxy_cut(c->proxy, 0, FAULT_CLOSE);
        fault_proxy_lift(c->proxy, c->fault);
    }
    return hf_now();
}

static bool breaker_is_closed(void *arg)
{
    struct hf_health health;
    hf_health_get(((struct crowd *)arg)->client, &health);
    return health.breaker.state == HF_BREAKER_CLOSED && health.connections_open == 1;
}

/* ---- The story ----------------------------------------------------------------- */

void outage_play(enum outage outage, hf_duration length)
{
    struct crowd c;
    crowd_start(&c, canary_open(), needs_proxy(outage));
    const struct served before = serve_for(&c, hf_ms(RATE_SPAN_MS));
    const size_t        memory_before = (size_t)atomic_load(&c.memory.bytes);

    begin_outage(&c, outage);
    (void)stays_true(always, NULL, length);
    const size_t memory_during = (size_t)atomic_load(&c.memory.bytes);
    atomic_store(&c.first_success_ns, 0);
    const hf_instant back = end_outage(&c, outage);

    assert_true(wait_until(has_succeeded, &c, hf_seconds(10)));
    const hf_instant first = { atomic_load(&c.first_success_ns) };
    const int64_t    late = canary_worst_delay(c.canary, back, first).ns;
    const int64_t    recovery_ms = (hf_between(back, first).ns - late) / 1000000;
    (void)stays_true(always, NULL, hf_ms(RATE_BACK_MS));
    printf(
        "%s of %lld ms: first success %lld ms after, worst overrun %lld ms, memory %+lld\n",
        outage_name(outage), (long long)hf_to_ms(length), (long long)recovery_ms,
        (long long)(c.worst_overrun_ns / 1000000),
        (long long)memory_during - (long long)memory_before);
    assert_true(recovery_ms <= FIRST_SUCCESS_MAX_MS);
    check_rate(&c, &before);
    assert_true(c.worst_overrun_ns <= hf_ms(OVERRUN_MAX_MS).ns);
    assert_true(memory_during < memory_before + 256 * 1024);
    assert_true(wait_until(breaker_is_closed, &c, hf_seconds(10)));
    crowd_stop(&c);
    canary_close(c.canary);
}
