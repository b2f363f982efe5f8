#include <holdfast/holdfast.h>

#include "support/client_kit.h"
#include "support/fault_proxy.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 64 };

struct crowd {
    struct hf_client *client;
    atomic_bool       stops;
    atomic_long       served, shed, late;
};

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void *call_on(void *arg)
{
    struct crowd *crowd = arg;
    while (!atomic_load(&crowd->stops)) {
        const hf_err err = client_do(crowd->client, "GET", "k", NULL);
        if (err == HF_E_OVERLOAD) (void)stays_true(always, NULL, hf_ms(1));
        if (!err) atomic_fetch_add(&crowd->served, 1);
        if (err == HF_E_OVERLOAD) atomic_fetch_add(&crowd->shed, 1);
        if (hf_err_category(err) == HF_CATEGORY_TIMEOUT) atomic_fetch_add(&crowd->late, 1);
    }
    return NULL;
}

static bool has_shed_and_served(void *arg)
{
    struct crowd *crowd = arg;
    return atomic_load(&crowd->shed) > 1000 && atomic_load(&crowd->served) > 100;
}

static bool has_served(void *arg)
{
    return atomic_load(&((struct crowd *)arg)->served) > 2000;
}

/* The server gets slow, not broken: a few bytes pass, and a crowd would queue for them until
 * its deadline. */
static void a_slow_server_sheds_load_early_and_goes_on_serving(void **state)
{
    (void)state;
    pthread_t            threads[THREADS];
    struct redis_server *server = redis_server_open(NULL);
    struct fault_proxy  *proxy = fault_proxy_start(redis_server_socket(server));
    struct crowd         crowd = { 0 };
    crowd.client = client_open_ready(fault_proxy_url(proxy), "adaptive_limit", "true",
                                     "socket_timeout", "0.25", NULL);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, call_on, &crowd), 0);
    }
    assert_true(wait_until(has_served, &crowd, hf_seconds(20)));
    fault_proxy_set(proxy, &(struct fault){ .kind = FAULT_THROTTLE, .rate = 4000 });
    atomic_store(&crowd.served, 0);
    atomic_store(&crowd.shed, 0);
    assert_true(wait_until(has_shed_and_served, &crowd, hf_seconds(30)));
    fault_proxy_clear(proxy);
    atomic_store(&crowd.served, 0);
    assert_true(wait_until(has_served, &crowd, hf_seconds(20)));

    atomic_store(&crowd.stops, true);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    hf_client_close(crowd.client);
    fault_proxy_close(proxy);
    redis_server_close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_server_sheds_load_early_and_goes_on_serving),
    };
    return RUN_TESTS(tests);
}
