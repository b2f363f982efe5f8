/* The lead of a shared connection: whoever was handed it passes it on, whatever ends its
 * call. The peer is this test, at the other end of a socket pair. */

#include "net/mux.h"

#include "core/alloc.h"
#include "support/test.h"
#include "support/wait.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROUNDS = 50, COMMAND_SIZE = 14 }; /* *1\r\n$4\r\nPING\r\n */

struct fixture {
    struct hf_mux      mux;
    struct hf_metrics *metrics;
    struct hf_spin     spin;
    atomic_int         attentions;
    int                peer;
};

static void count_attention(void *ctx)
{
    atomic_fetch_add((atomic_int *)ctx, 1);
}

static hf_err send_parts(struct hf_transport *t, const struct iovec *parts, int count,
                         size_t *sent, int *os_error)
{
    const ssize_t n = writev(t->fd, parts, count);
    *os_error = 0;
    *sent = n > 0 ? (size_t)n : 0;
    return n < 0 ? HF_E_LOST : HF_OK;
}

static hf_err receive_some(struct hf_transport *t, void *data, size_t size, size_t *received,
                           int *os_error)
{
    const ssize_t n = recv(t->fd, data, size, MSG_DONTWAIT);
    *os_error = 0;
    *received = n > 0 ? (size_t)n : 0;
    return n == 0 ? HF_E_LOST : HF_OK;
}

static short same_events(const struct hf_transport *t, short wanted)
{
    (void)t;
    return wanted;
}

static void close_fd(struct hf_transport *t)
{
    close(t->fd);
    t->fd = -1;
}

static const struct hf_transport_ops ops = { send_parts, receive_some, same_events,
                                             close_fd };

static void set_up(struct fixture *f)
{
    const struct hf_mux_limits limits = {
        .slots_max = 64,
        .bytes_max = 65536,
        .reply = { .bytes_max = 1u << 30, .elements_max = 100, .depth_max = 8 },
    };
    int ends[2];
    memset(f, 0, sizeof *f);
    assert_int_equal(hf_metrics_open(&hf_allocator_default, &f->metrics), HF_OK);
    const struct hf_mux_owner owner = { count_attention, &f->attentions, f->metrics };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(hf_mux_init(&f->mux, &hf_allocator_default, &limits, &owner, &f->spin),
                     HF_OK);
    hf_mux_attach(&f->mux, &(struct hf_transport){ .ops = &ops, .fd = ends[0] });
    f->peer = ends[1];
}

static void tear_down(struct fixture *f)
{
    hf_mux_deinit(&f->mux);
    hf_metrics_close(f->metrics);
    close(f->peer);
}

static hf_err ping(struct fixture *f)
{
    const struct hf_bytes       argv[] = { hf_str("PING") };
    struct hf_reply            *reply = NULL;
    struct hf_mux_call          call = { .replies = &reply, .expected = 1 };
    const struct hf_mux_message message = { .argv = argv, .argc = 1 };
    const hf_instant            deadline = hf_later(hf_now(), hf_seconds(5));
    const hf_err                err = hf_mux_call(&f->mux, &call, &message, deadline, NULL);
    if (!err) hf_reply_free(reply);
    return err;
}

static void *ping_in_thread(void *ctx)
{
    return (void *)(intptr_t)ping(ctx);
}

/* Answers the first of two commands, once both have come. */
static void *answer_the_first_of_two(void *ctx)
{
    struct fixture *f = ctx;
    char            commands[2 * COMMAND_SIZE];
    for (size_t got = 0; got < sizeof commands;) {
        const ssize_t n = recv(f->peer, commands + got, sizeof commands - got, 0);
        if (n <= 0) return NULL;
        got += (size_t)n;
    }
    (void)!send(f->peer, "+PONG\r\n", 7, MSG_NOSIGNAL);
    return NULL;
}

static bool is_led(void *ctx)
{
    struct fixture *f = ctx;
    pthread_mutex_lock(&f->mux.lock);
    const bool led = f->mux.locked.is_led;
    pthread_mutex_unlock(&f->mux.lock);
    return led;
}

/* The first command is queued, not just looked for unasked bytes before it. */
static bool is_led_by_a_call(void *ctx)
{
    struct fixture *f = ctx;
    pthread_mutex_lock(&f->mux.lock);
    const bool led = f->mux.locked.is_led && f->mux.locked.ticket_next > 0;
    pthread_mutex_unlock(&f->mux.lock);
    return led;
}

static void *ping_once_somebody_leads(void *ctx)
{
    if (!wait_until(is_led_by_a_call, ctx, hf_seconds(5)))
        return (void *)(intptr_t)HF_E_SYSTEM;
    return ping_in_thread(ctx);
}

/* The leader's reply comes, it hands the lead to the follower, and the connection breaks
 * before the follower has woken up: nobody must keep the lead, or the connection could never
 * be used again. */
static void a_break_right_after_the_lead_was_handed_over_leaves_nobody_leading(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct fixture f;
        pthread_t      follower, server;
        void          *end;
        set_up(&f);
        assert_int_equal(pthread_create(&server, NULL, answer_the_first_of_two, &f), 0);
        assert_int_equal(pthread_create(&follower, NULL, ping_once_somebody_leads, &f), 0);

        assert_int_equal(ping(&f), HF_OK);
        hf_mux_break(&f.mux, HF_E_LOST, "on purpose");
        pthread_join(follower, &end);
        pthread_join(server, NULL);

        assert_int_equal((intptr_t)end, HF_E_LOST);
        assert_false(is_led(&f));
        assert_true(hf_mux_reap(&f.mux));
        tear_down(&f);
    }
}

/* A peer that, once it was asked, replies without end and without pause: whenever the leader
 * looks, there is more. */
struct endless_peer {
    bool is_asked, has_begun;
};

static hf_err ask_endless(struct hf_transport *t, const struct iovec *parts, int count,
                          size_t *sent, int *os_error)
{
    struct endless_peer *peer = t->tls;
    peer->is_asked = true;
    return send_parts(t, parts, count, sent, os_error);
}

static hf_err hear_endless(struct hf_transport *t, void *data, size_t size, size_t *received,
                           int *os_error)
{
    struct endless_peer *peer = t->tls;
    const char          *bytes = peer->has_begun ? "some of the body" : "$1000000000\r\n";
    *os_error = 0;
    *received = 0;
    if (!peer->is_asked) return HF_OK;
    *received = strlen(bytes) < size ? strlen(bytes) : size;
    memcpy(data, bytes, *received);
    peer->has_begun = true;
    return HF_OK;
}

static const struct hf_transport_ops endless = { ask_endless, hear_endless, same_events,
                                                 close_fd };

static void a_leader_that_is_streamed_to_keeps_its_deadline(void **state)
{
    (void)state;
    const struct hf_bytes       argv[] = { hf_str("PING") };
    const struct hf_mux_message message = { .argv = argv, .argc = 1 };
    struct fixture              f;
    int64_t                     best = INT64_MAX; /* The machine may spoil one, hardly all. */
    for (int i = 0; i < 3; i++) {
        struct hf_reply    *reply = NULL;
        struct hf_mux_call  call = { .replies = &reply, .expected = 1 };
        struct endless_peer peer = { false, false };
        set_up(&f);
        f.mux.transport.ops = &endless;
        f.mux.transport.tls = &peer;
        const hf_instant from = hf_now();
        assert_int_equal(
            hf_mux_call(&f.mux, &call, &message, hf_later(from, hf_ms(50)), NULL),
            HF_E_TIMEOUT_SENT);
        const int64_t took = hf_between(from, hf_now()).ns;
        if (took < best) best = took;
        hf_mux_break(&f.mux, HF_E_LOST, "on purpose");
        tear_down(&f);
    }
    assert_true(best < hf_ms(70).ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leader_that_is_streamed_to_keeps_its_deadline),
        cmocka_unit_test(a_break_right_after_the_lead_was_handed_over_leaves_nobody_leading),
    };
    return RUN_TESTS(tests);
}
