#include <holdfast/holdfast.h>

#include "core/rng.h"
#include "support/canary.h"
#include "support/client_kit.h"
#include "support/fault_proxy.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    TIMEOUT_MS = 50,
    OVERRUN_MAX_MS = 10,
    CALLS = 1000000,
    STORMS = 100,
    THREADS_MAX = 64,
};

struct crowd {
    struct hf_client *client; /* NULL: the loop alone. */
    struct canary    *canary;
    atomic_bool       stops;
    atomic_long       calls, overruns, storms;
    pthread_t         threads[THREADS_MAX];
};

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void start(struct crowd *crowd, int count, void *(*run)(void *))
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(pthread_create(&crowd->threads[i], NULL, run, crowd), 0);
    }
}

static void stop(struct crowd *crowd, int count)
{
    atomic_store(&crowd->stops, true);
    for (int i = 0; i < count; i++) pthread_join(crowd->threads[i], NULL);
}

/* ---- A million calls ----------------------------------------------------------- */

static void *call_under_faults(void *arg)
{
    struct crowd        *crowd = arg;
    const struct hf_call call = { .timeout = hf_ms(TIMEOUT_MS) };
    const hf_duration    patience = hf_ms(TIMEOUT_MS + OVERRUN_MAX_MS);
    while (!atomic_load(&crowd->stops)) {
        struct hf_reply *reply = NULL;
        const hf_instant from = hf_now();
        const hf_err     err = client_ask(crowd->client, &call, &reply, "GET", "k", NULL);
        const hf_instant to = hf_now();
        if (!err) hf_reply_free(reply);
        atomic_fetch_add(&crowd->calls, 1);
        if (hf_between(from, to).ns > patience.ns) {
            const int64_t late = canary_worst_delay(crowd->canary, from, to).ns;
            if (hf_between(from, to).ns - late > patience.ns) {
                fprintf(stderr, "%s took %.1f ms, the machine was %.1f ms late\n",
                        hf_err_name(err), (double)hf_between(from, to).ns / 1e6,
                        (double)late / 1e6);
                atomic_fetch_add(&crowd->overruns, 1);
            }
        }
        if (err) (void)stays_true(always, NULL, hf_ms(1));
    }
    return NULL;
}

static void count_storm(const struct fault *fault, void *ctx)
{
    if (fault) atomic_fetch_add((atomic_long *)ctx, 1);
}

static bool has_had_enough(void *arg)
{
    struct crowd *crowd = arg;
    return atomic_load(&crowd->calls) >= CALLS && atomic_load(&crowd->storms) >= STORMS;
}

static void a_million_calls_under_faults_keep_their_deadlines(void **state)
{
    (void)state;
    enum { THREADS = 16 };
    const char          *given = getenv("HF_SEED");
    const uint64_t       seed = given ? strtoull(given, NULL, 10) : hf_rng_seed();
    struct redis_server *server = redis_server_open(NULL);
    struct fault_proxy  *proxy = fault_proxy_start(redis_server_socket(server));
    struct crowd         crowd = { .canary = canary_open() };
    crowd.client = client_open_ready(fault_proxy_url(proxy), NULL);
    printf("HF_SEED=%llu\n", (unsigned long long)seed);
    fault_proxy_play(proxy, &(struct fault_play){ .seed = seed,
                                                  .kinds = (1u << FAULT_KINDS) - 1,
                                                  .calm_max = hf_ms(400),
                                                  .storm_max = hf_ms(300),
                                                  .tell = count_storm,
                                                  .ctx = &crowd.storms });
    start(&crowd, THREADS, call_under_faults);
    assert_true(wait_until(has_had_enough, &crowd, hf_seconds(900)));
    stop(&crowd, THREADS);
    printf("%ld calls, %ld storms, %ld over their deadline\n", crowd.calls, crowd.storms,
           crowd.overruns);
    assert_int_equal(crowd.overruns, 0);
    hf_client_close(crowd.client);
    fault_proxy_close(proxy);
    redis_server_close(server);
    canary_close(crowd.canary);
}

/* ---- What an outage costs ------------------------------------------------------ */

static void *call_each_millisecond(void *arg)
{
    struct crowd *crowd = arg;
    while (!atomic_load(&crowd->stops)) {
        if (crowd->client) (void)!client_do(crowd->client, "GET", "k", NULL);
        atomic_fetch_add(&crowd->calls, 1);
        (void)stays_true(always, NULL, hf_ms(1));
    }
    return NULL;
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Processor time for each call of 64 threads, in seconds. */
static double cost_of_a_call(struct hf_client *client, double *rate)
{
    struct crowd crowd = { .client = client };
    const double before = cpu_seconds();
    start(&crowd, THREADS_MAX, call_each_millisecond);
    (void)stays_true(always, NULL, hf_seconds(3));
    stop(&crowd, THREADS_MAX);
    *rate = (double)crowd.calls / 3;
    return (cpu_seconds() - before) / (double)crowd.calls;
}

static void calling_on_during_an_outage_costs_little(void **state)
{
    (void)state;
    double               rate, best = 1;
    struct redis_server *server = redis_server_open(NULL);
    struct hf_client    *client = client_open_ready(redis_server_unix_url(server), NULL);
    redis_server_kill(server);
    for (int round = 0; round < 3; round++) {
        const double loop = cost_of_a_call(NULL, &rate);
        const double call = cost_of_a_call(client, &rate);
        const double share = (call - loop) * rate; /* Of one processor. */
        printf("%.0f calls/s: %.1f %% of a processor beyond the loop\n", rate, share * 100);
        if (share < best) best = share;
    }
    assert_true(best < 0.1);
    hf_client_close(client);
    redis_server_close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_calls_under_faults_keep_their_deadlines),
        cmocka_unit_test(calling_on_during_an_outage_costs_little),
    };
    return RUN_TESTS(tests);
}
