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
};

/* The same calls to two servers, of which one is hurt: what both lose, the machine took. */
struct scene {
    struct canary *canary;
    struct crowd   hurt, spared;
    uint64_t       fault;
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
    long calls, successes, spared;
};

static struct served served_so_far(struct scene *s)
{
    return (struct served){ atomic_load(&s->hurt.calls), atomic_load(&s->hurt.successes),
                            atomic_load(&s->spared.successes) };
}

static struct served serve_for(struct scene *s, hf_duration span)
{
    const struct served before = served_so_far(s);
    (void)stays_true(always, NULL, span);
    const struct served after = served_so_far(s);
    return (struct served){ after.calls - before.calls, after.successes - before.successes,
                            after.spared - before.spared };
}

/* Nine in ten of its calls, and of the calls that it would serve had nothing happened, by
 * what the spared one serves in the same second. */
static bool is_back(const struct served *before, const struct served *now)
{
    return now->successes * 10 >= now->calls * 9 &&
           now->successes * before->spared * 10 >= before->successes * now->spared * 9;
}

/* Nineteen in twenty of before. */
static bool is_spared_well(const struct served *before, const struct served *now)
{
    return now->spared * 20 >= before->spared * 19;
}

/* The first look comes a second after the first success, and decides. Only where the machine
 * itself was late in that second, as the canary or the spared one tell, calls may have been
 * late and few for its reasons: then the next second decides, until one was undisturbed. */
static void check_rate(struct scene *s, const struct served *before)
{
    for (int i = 0; i < RATE_LOOKS; i++) {
        const hf_instant    from = hf_now();
        const struct served now = serve_for(s, hf_ms(RATE_SPAN_MS));
        const int64_t       late = canary_worst_delay(s->canary, from, hf_now()).ns;
        printf("  served %ld of %ld calls, %ld before; the spared one %ld, %ld before; the "
               "machine was %.1f ms late\n",
               now.successes, now.calls, before->successes, now.spared, before->spared,
               (double)late / 1e6);
        if (is_back(before, &now)) return;
        assert_true(late >= hf_ms(DISTURBED_MS).ns || !is_spared_well(before, &now));
    }
    fail_msg("no undisturbed second in %d", RATE_LOOKS);
}

/* ---- The outage ---------------------------------------------------------------- */

static bool needs_proxy(enum outage outage)
{
    return outage == OUTAGE_DROP || outage == OUTAGE_RESET || outage == OUTAGE_REFUSED;
}

static void begin_outage(struct scene *s, enum outage outage)
{
    static const enum fault_kind kinds[] = { [OUTAGE_DROP] = FAULT_BLACK_HOLE,
                                             [OUTAGE_RESET] = FAULT_RESET,
                                             [OUTAGE_REFUSED] = FAULT_REFUSE };
    switch (outage) {
    case OUTAGE_HANG: redis_server_pause(s->hurt.server); return;
    case OUTAGE_KILL: redis_server_kill(s->hurt.server); return;
    default:
        s->fault = fault_proxy_set(s->hurt.proxy, &(struct fault){ .kind = kinds[outage] });
    }
    if (outage != OUTAGE_DROP) fault_proxy_cut(s->hurt.proxy, 0, FAULT_RESET_END);
}

/* Returns when the server is back. What was forgotten by a killed one is written again by
 * another client, because here it is not about persistence. */
static hf_instant end_outage(struct scene *s, enum outage outage)
{
    switch (outage) {
    case OUTAGE_HANG: redis_server_resume(s->hurt.server); break;
    case OUTAGE_KILL: redis_server_restart(s->hurt.server); break;
    default:
        /* What a network has dropped stays dropped. */
        if (outage == OUTAGE_DROP) fault_proxy_cut(s->hurt.proxy, 0, FAULT_CLOSE);
        fault_proxy_lift(s->hurt.proxy, s->fault);
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

static void set_up(struct scene *s, enum outage outage)
{
    *s = (struct scene){ .canary = canary_open() };
    crowd_start(&s->hurt, s->canary, needs_proxy(outage));
    crowd_start(&s->spared, s->canary, needs_proxy(outage));
}

static void tear_down(struct scene *s)
{
    crowd_stop(&s->hurt);
    crowd_stop(&s->spared);
    canary_close(s->canary);
}

void outage_play(enum outage outage, hf_duration length)
{
    struct scene s;
    set_up(&s, outage);
    const struct served before = serve_for(&s, hf_ms(RATE_SPAN_MS));
    const size_t        memory_before = (size_t)atomic_load(&s.hurt.memory.bytes);

    begin_outage(&s, outage);
    (void)stays_true(always, NULL, length);
    const size_t memory_during = (size_t)atomic_load(&s.hurt.memory.bytes);
    atomic_store(&s.hurt.first_success_ns, 0);
    const hf_instant back = end_outage(&s, outage);

    assert_true(wait_until(has_succeeded, &s.hurt, hf_seconds(10)));
    const hf_instant first = { atomic_load(&s.hurt.first_success_ns) };
    const int64_t    late = canary_worst_delay(s.canary, back, first).ns;
    const int64_t    recovery_ms = (hf_between(back, first).ns - late) / 1000000;
    (void)stays_true(always, NULL, hf_ms(RATE_BACK_MS));
    printf(
        "%s of %lld ms: first success %lld ms after, worst overrun %lld ms, memory %+lld\n",
        outage_name(outage), (long long)hf_to_ms(length), (long long)recovery_ms,
        (long long)(s.hurt.worst_overrun_ns / 1000000),
        (long long)memory_during - (long long)memory_before);
    assert_true(recovery_ms <= FIRST_SUCCESS_MAX_MS);
    check_rate(&s, &before);
    assert_true(s.hurt.worst_overrun_ns <= hf_ms(OVERRUN_MAX_MS).ns);
    assert_true(memory_during < memory_before + 256 * 1024);
    assert_true(wait_until(breaker_is_closed, &s.hurt, hf_seconds(10)));
    tear_down(&s);
}
