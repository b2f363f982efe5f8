#include "net/mux.h"

#include "core/alloc.h"
#include "support/test.h"
#include "support/wait.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { BOUND_S = 5 };

/* A transport whose receive and first send wait for the test. */
static struct gate {
    atomic_bool is_receiving, receive_ends;
    atomic_bool is_sending, send_ends;
    atomic_bool is_closed, was_used_closed;
} gate;

static bool is_set(void *flag)
{
    return atomic_load((atomic_bool *)flag);
}

static void await_flag(atomic_bool *flag)
{
    (void)wait_until(is_set, flag, hf_seconds(BOUND_S));
}

static hf_err slow_send(struct hf_transport *t, const struct iovec *parts, int count,
                        size_t *sent, int *os_error)
{
    (void)t, (void)parts, (void)count;
    *sent = 0;
    *os_error = 0;
    atomic_store(&gate.is_sending, true);
    await_flag(&gate.send_ends);
    if (atomic_load(&gate.is_closed)) atomic_store(&gate.was_used_closed, true);
    return HF_E_LOST;
}

static hf_err end_when_told(struct hf_transport *t, void *data, size_t size, size_t *received,
                            int *os_error)
{
    (void)t, (void)data, (void)size;
    *received = 0;
    *os_error = 0;
    atomic_store(&gate.is_receiving, true);
    await_flag(&gate.receive_ends);
    return HF_E_LOST;
}

static short same_events(const struct hf_transport *t, short wanted)
{
    (void)t;
    return wanted;
}

static void note_close(struct hf_transport *t)
{
    (void)t;
    atomic_store(&gate.is_closed, true);
}

static const struct hf_transport_ops ops = { slow_send, end_when_told, same_events,
                                             note_close };

static void ignore(void *ctx)
{
    (void)ctx;
}

static void *serve(void *mux)
{
    hf_mux_serve(mux);
    return NULL;
}

static void *set_borrowed(void *mux)
{
    const struct hf_bytes       argv[] = { hf_str("SET"), hf_str("k"), hf_str("v") };
    struct hf_reply            *reply = NULL;
    struct hf_mux_call          call = { .replies = &reply, .expected = 1 };
    const struct hf_mux_message message = { .argv = argv, .argc = 3, .borrowed = true };
    const hf_instant            deadline = hf_later(hf_now(), hf_seconds(BOUND_S));
    return (void *)(intptr_t)hf_mux_call(mux, &call, &message, deadline, NULL);
}

/* The server closes a leased connection just as its next user begins to send: the maintenance
 * thread leads, notices the end, and must not take the stream away under the sender. */
static void a_stream_is_not_closed_under_one_who_sends_what_he_has_lent(void **state)
{
    (void)state;
    const struct hf_mux_limits limits = {
        .slots_max = 64,
        .bytes_max = 65536,
        .reply = { .bytes_max = 65536, .elements_max = 100, .depth_max = 8 },
    };
    struct hf_metrics *metrics;
    assert_int_equal(hf_metrics_open(&hf_allocator_default, &metrics), HF_OK);
    const struct hf_mux_owner owner = { ignore, NULL, metrics };
    struct hf_spin            spin = { 0 };
    struct hf_mux             mux;
    pthread_t                 server, sender;
    void                     *end;
    assert_int_equal(hf_mux_init(&mux, &hf_allocator_default, &limits, &owner, &spin), HF_OK);
    hf_mux_attach(&mux, &(struct hf_transport){ .ops = &ops, .fd = 1000000 });

    assert_int_equal(pthread_create(&server, NULL, serve, &mux), 0);
    assert_true(wait_until(is_set, &gate.is_receiving, hf_seconds(BOUND_S)));
    assert_int_equal(pthread_create(&sender, NULL, set_borrowed, &mux), 0);
    assert_true(wait_until(is_set, &gate.is_sending, hf_seconds(BOUND_S)));
    atomic_store(&gate.receive_ends, true);
    pthread_join(server, NULL);

    const bool reaped = hf_mux_reap(&mux);
    atomic_store(&gate.send_ends, true);
    pthread_join(sender, &end);
    assert_int_equal((intptr_t)end, HF_E_LOST);
    assert_false(reaped);
    assert_false(gate.was_used_closed);
    assert_true(hf_mux_reap(&mux));
    hf_mux_deinit(&mux);
    hf_metrics_close(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_is_not_closed_under_one_who_sends_what_he_has_lent),
    };
    return RUN_TESTS(tests);
}
