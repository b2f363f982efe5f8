#include "net/resolver.h"

#include <holdfast/holdfast.h>

#include "support/client_kit.h"
#include "support/leaks.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the system's resolver may do to who asks it: this program has a getaddrinfo() of its
 * own, which knows two names and hands every other one on.
 *
 *     told.test   has the addresses that the test has put into `told`
 *     hung.test   has them too, and keeps who asks for it until the test lets go */

enum { BOUND_S = 20, TOLD_MAX = 20 };

static struct redis_server *server;

struct addresses {
    struct sockaddr_in at[TOLD_MAX];
    size_t             count;
};

static pthread_mutex_t  told_lock = PTHREAD_MUTEX_INITIALIZER;
static struct addresses told; /* Guarded by it: a lookup may outlive its test. */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t  opened;
    bool            is_shut;
} gate = { .lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER };

static atomic_int asked_at_gate;

static void pass_gate(void)
{
    pthread_mutex_lock(&gate.lock);
    while (gate.is_shut) pthread_cond_wait(&gate.opened, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static void shut_gate(bool is_shut)
{
    pthread_mutex_lock(&gate.lock);
    gate.is_shut = is_shut;
    pthread_cond_broadcast(&gate.opened);
    pthread_mutex_unlock(&gate.lock);
}

typedef int (*getaddrinfo_fn)(const char *, const char *, const struct addrinfo *,
                              struct addrinfo **);

static int ask_the_system(const char *host, const char *port, const struct addrinfo *hints,
                          struct addrinfo **list)
{
    getaddrinfo_fn next;
    void          *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    assert_non_null(symbol);
    memcpy(&next, &symbol, sizeof next);
    return next(host, port, hints, list);
}

/* One list for each address, so that freeaddrinfo() finds what it knows. */
static int tell(const struct addrinfo *hints, struct addrinfo **list)
{
    pthread_mutex_lock(&told_lock);
    const struct addresses now = told;
    pthread_mutex_unlock(&told_lock);
    for (size_t i = now.count; i > 0; i--) {
        struct addrinfo *first;
        const int        failure = ask_the_system("127.0.0.1", "1", hints, &first);
        if (failure) return failure;
        memcpy(first->ai_addr, &now.at[i - 1], sizeof now.at[i - 1]);
        first->ai_next = *list;
        *list = first;
    }
    return now.count ? 0 : EAI_NONAME;
}

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **list)
{
    const bool hangs = strcmp(host, "hung.test") == 0;
    if (hangs) {
        asked_at_gate++;
        pass_gate();
    }
    *list = NULL;
    if (hangs || strcmp(host, "told.test") == 0) return tell(hints, list);
    return ask_the_system(host, port, hints, list);
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr = { htonl(INADDR_LOOPBACK) } };
}

static void tell_also(int port)
{
    pthread_mutex_lock(&told_lock);
    if (told.count < TOLD_MAX) told.at[told.count++] = loopback(port);
    pthread_mutex_unlock(&told_lock);
}

/* A bound socket that may listen; its port in *port. */
static int socket_at(int *port)
{
    struct sockaddr_in at = loopback(0);
    socklen_t          size = sizeof at;
    const int          fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static int begin_to_connect(int port)
{
    const struct sockaddr_in to = loopback(port);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to)) {
        assert_int_equal(errno, EINPROGRESS);
    }
    return fd;
}

/* With its queue full, the kernel drops whatever comes for it. */
struct swallower {
    int port, listener, in_queue;
};

static struct swallower swallower_open(void)
{
    struct swallower s;
    s.listener = socket_at(&s.port);
    assert_int_equal(listen(s.listener, 0), 0);
    s.in_queue = begin_to_connect(s.port);
    struct pollfd accepted = { .fd = s.in_queue, .events = POLLOUT };
    assert_int_equal(poll(&accepted, 1, BOUND_S * 1000), 1);
    return s;
}

static void swallower_close(const struct swallower *s)
{
    close(s->in_queue);
    close(s->listener);
}

static int start_server(void **state)
{
    (void)state;
    const struct redis_server_options options = { .tcp = true };
    server = redis_server_open(&options);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    redis_server_close(server);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    pthread_mutex_lock(&told_lock);
    told.count = 0;
    pthread_mutex_unlock(&told_lock);
    return 0;
}

/* ---- A name with several addresses ------------------------------------------------ */

static void assert_first_dial_gets_through(void)
{
    struct hf_stats   stats;
    struct hf_client *client = client_open_ready("redis://told.test:6379/0",
                                                 "socket_connect_timeout", "6", NULL);
    assert_string_equal(client_text(client, "ECHO", "here", NULL), "here");
    hf_stats_get(client, &stats);
    assert_int_equal(stats.connects, 1);
    assert_int_equal(stats.connect_failures, 0);
    hf_client_close(client);
}

static void an_address_that_refuses_is_followed_by_the_next(void **state)
{
    (void)state;
    int       port;
    const int not_listening = socket_at(&port);
    tell_also(port);
    tell_also(port);
    tell_also(redis_server_port(server));
    assert_first_dial_gets_through();
    close(not_listening);
}

static void an_address_that_swallows_everything_leaves_time_for_the_next(void **state)
{
    (void)state;
    const struct swallower s = swallower_open();
    tell_also(s.port);
    tell_also(s.port);
    tell_also(redis_server_port(server));
    assert_first_dial_gets_through();
    swallower_close(&s);
}

static void further_addresses_are_left_alone(void **state)
{
    (void)state;
    int       port;
    const int not_listening = socket_at(&port);
    for (int i = 0; i < HF_ADDRESSES_MAX - 1; i++) tell_also(port);
    for (int i = HF_ADDRESSES_MAX - 1; i < TOLD_MAX; i++)
        tell_also(redis_server_port(server));
    assert_first_dial_gets_through();
    close(not_listening);
}

static bool says_that_it_has_none(void *ctx)
{
    struct hf_error error;
    const hf_err    err = hf_client_wait_ready(ctx, hf_ms(100), &error);
    return err == HF_E_RESOLVE && strstr(error.detail, "told.test");
}

static void a_name_without_addresses_is_told(void **state)
{
    (void)state;
    struct hf_client *client = client_open("redis://told.test:6379/0", NULL);
    assert_true(wait_until(says_that_it_has_none, client, hf_seconds(BOUND_S)));
    hf_client_close(client);
}

/* ---- A resolver that hangs -------------------------------------------------------- */

static void a_resolver_that_hangs_keeps_nobody(void **state)
{
    (void)state;
    struct leaks    before = leaks_count();
    struct hf_error error;
    asked_at_gate = 0;
    shut_gate(true);
    struct hf_client *client = client_open("redis://hung.test:6379/0", NULL);
    assert_int_not_equal(hf_client_wait_ready(client, hf_seconds(1), &error), HF_OK);
    assert_int_not_equal(client_do(client, "PING", NULL), HF_OK);
    assert_int_equal(asked_at_gate,
                     1);     /* Whoever dials meanwhile waits for the same answer. */
    hf_client_close(client); /* Not after the resolver. */

    tell_also(redis_server_port(server));
    assert_first_dial_gets_through();
    shut_gate(false);
    assert_true(leaks_settle(&before));
}

static void a_resolver_that_comes_back_is_enough(void **state)
{
    (void)state;
    struct leaks    before = leaks_count();
    struct hf_error error;
    shut_gate(true);
    tell_also(redis_server_port(server));
    struct hf_client *client = client_open("redis://hung.test:6379/0",
                                           "socket_connect_timeout", "0.1", NULL);
    assert_int_not_equal(hf_client_wait_ready(client, hf_seconds(1), &error), HF_OK);
    shut_gate(false);
    assert_int_equal(hf_client_wait_ready(client, hf_seconds(BOUND_S), &error), HF_OK);
    assert_string_equal(client_text(client, "ECHO", "here", NULL), "here");
    hf_client_close(client);
    assert_true(leaks_settle(&before));
}

static hf_err ask_at(struct hf_resolver *r, int64_t ms, struct hf_lookup **lookup)
{
    struct hf_error error;
    return hf_resolver_ask(r, "hung.test", 6379, (hf_instant){ ms * 1000000 }, lookup,
                           &error);
}

static void patience_with_one_lookup_has_an_end(void **state)
{
    (void)state;
    struct leaks       before = leaks_count();
    struct hf_resolver r = { .last = NULL };
    struct hf_lookup  *first, *joined, *second, *third;
    const int64_t      patience_ms = hf_to_ms(HF_LOOKUP_PATIENCE);
    shut_gate(true);
    assert_int_equal(ask_at(&r, 0, &first), HF_OK);
    assert_int_equal(ask_at(&r, patience_ms - 1, &joined), HF_OK);
    assert_int_equal(ask_at(&r, patience_ms, &second), HF_OK);
    assert_int_equal(ask_at(&r, 2 * patience_ms - 1, &third), HF_OK);
    assert_ptr_equal(joined, first);
    assert_ptr_not_equal(second, first);
    assert_ptr_equal(third, second);
    hf_lookup_drop(joined);
    shut_gate(false);
    hf_resolver_deinit(&r);
    hf_lookup_drop(first);
    hf_lookup_drop(second);
    hf_lookup_drop(third);
    assert_true(leaks_settle(&before));
}

static bool has_answer(void *ctx)
{
    struct hf_addresses addresses;
    struct hf_error     error;
    return hf_lookup_take(ctx, &addresses, &error) != HF_E_TRYAGAIN;
}

static void an_answer_is_not_kept_for_the_next(void **state)
{
    (void)state;
    struct leaks        before = leaks_count();
    struct hf_resolver  r = { .last = NULL };
    struct hf_lookup   *lookup;
    struct hf_addresses addresses;
    struct hf_error     error;
    for (unsigned count = 1; count <= 3; count++) {
        tell_also(1);
        assert_int_equal(ask_at(&r, 0, &lookup), HF_OK);
        assert_true(wait_until(has_answer, lookup, hf_seconds(BOUND_S)));
        assert_int_equal(hf_lookup_take(lookup, &addresses, &error), HF_OK);
        assert_int_equal(addresses.count, count);
        hf_lookup_drop(lookup);
    }
    hf_resolver_deinit(&r);
    assert_true(leaks_settle(&before));
}

/* Twice: what was counted is given back. */
static void lookups_have_a_bound(void **state)
{
    (void)state;
    struct leaks       before = leaks_count();
    struct hf_resolver r[HF_LOOKUPS_MAX], further = { .last = NULL };
    struct hf_lookup  *lookups[HF_LOOKUPS_MAX], *none;
    struct hf_error    error;
    for (int round = 0; round < 2; round++) {
        shut_gate(true);
        memset(r, 0, sizeof r);
        for (int i = 0; i < HF_LOOKUPS_MAX; i++) {
            assert_int_equal(ask_at(&r[i], 0, &lookups[i]), HF_OK);
        }
        for (int i = 0; i < 3; i++) {
            assert_int_equal(hf_resolver_ask(&further, "told.test", 6379, (hf_instant){ 0 },
                                             &none, &error),
                             HF_E_OVERLOAD);
            assert_string_equal(error.detail, "resolve told.test: 16 lookups hang already");
        }
        shut_gate(false);
        for (int i = 0; i < HF_LOOKUPS_MAX; i++) {
            struct pollfd answer = { .fd = hf_lookup_fd(lookups[i]), .events = POLLIN };
            assert_int_equal(poll(&answer, 1, BOUND_S * 1000), 1);
            assert_true(has_answer(lookups[i]));
            hf_lookup_drop(lookups[i]);
            hf_resolver_deinit(&r[i]);
        }
        assert_true(leaks_settle(&before)); /* Each counts until its thread has ended. */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_address_that_refuses_is_followed_by_the_next, forget),
        cmocka_unit_test_teardown(
            an_address_that_swallows_everything_leaves_time_for_the_next, forget),
        cmocka_unit_test_teardown(further_addresses_are_left_alone, forget),
        cmocka_unit_test_teardown(a_name_without_addresses_is_told, forget),
        cmocka_unit_test_teardown(a_resolver_that_hangs_keeps_nobody, forget),
        cmocka_unit_test_teardown(a_resolver_that_comes_back_is_enough, forget),
        cmocka_unit_test_teardown(patience_with_one_lookup_has_an_end, forget),
        cmocka_unit_test_teardown(an_answer_is_not_kept_for_the_next, forget),
        cmocka_unit_test_teardown(lookups_have_a_bound, forget),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
