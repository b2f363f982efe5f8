#include "net/dial.h"

#include "core/assert.h"
#include "core/error.h"
#include "net/resp_writer.h"
#include "net/server_error.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { OUT_MAX = 64 * 1024, REPLY_MAX = 1024 * 1024 };

static const struct hf_resp_limits handshake_limits = { .bytes_max = REPLY_MAX,
                                                        .elements_max = 1024,
                                                        .depth_max = 8 };

static void fail(struct hf_dial *dial, hf_err err)
{
    hf_assert(err != HF_OK);
    dial->error.code = err;
    dial->state = HF_DIAL_FAILED;
}

/* ---- Commands of the handshake ------------------------------------------------- */

static void queue(struct hf_dial *dial, const char *const *words, size_t count)
{
    struct hf_bytes argv[8];
    hf_assert(count <= 8);
    for (size_t i = 0; i < count; i++) argv[i] = hf_str(words[i]);

    const hf_err err = hf_resp_encode(&dial->out, argv, count);
    if (err) {
        fail(dial, hf_fail(&dial->error, err, "handshake: %s", hf_err_text(err)));
    } else {
        dial->replies_due++;
    }
}

#define QUEUE(dial, ...)                                                                     \
    queue(dial, (const char *const[]){ __VA_ARGS__ },                                        \
          sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static const char *user_of(const struct hf_dial *dial)
{
    const char *user = dial->credentials ? dial->credentials->user : dial->plan->url->user;
    return user && user[0] ? user : NULL;
}

static const char *password_of(const struct hf_dial *dial)
{
    if (!dial->credentials) return dial->plan->url->password;
    return dial->credentials->password[0] ? dial->credentials->password : NULL;
}

static void forget_credentials(struct hf_dial *dial)
{
    if (dial->is_asking) hf_login_drop(dial->plan->login);
    dial->is_asking = false;
    dial->credentials = NULL;
}

static void enter(struct hf_dial *dial, enum hf_dial_state state)
{
    dial->state = state;
    dial->replies_due = 0;
    dial->reply_index = 0;
}

static void say_hello(struct hf_dial *dial)
{
    enter(dial, HF_DIAL_HELLO);
    const char *user = user_of(dial), *password = password_of(dial);
    if (password) {
        QUEUE(dial, "HELLO", "3", "AUTH", user ? user : "default", password);
    } else {
        QUEUE(dial, "HELLO", "3");
    }
}

static void ask_or_say_hello(struct hf_dial *dial)
{
    struct hf_login *login = dial->plan->login;
    if (!login) {
        say_hello(dial);
        return;
    }
    const hf_err err = hf_login_start(login);
    if (err) {
        fail(dial, hf_fail(&dial->error, err, "credentials: %s", hf_err_text(err)));
        return;
    }
    dial->is_asking = true;
    enter(dial, HF_DIAL_ASK);
}

static void prepare(struct hf_dial *dial)
{
    const struct hf_dial_plan *plan = dial->plan;
    char                       db[16];
    forget_credentials(dial);
    enter(dial, HF_DIAL_PREPARE);
    snprintf(db, sizeof db, "%" PRIu32, plan->url->db);
    QUEUE(dial, "SELECT", db);
    QUEUE(dial, "PING");
    QUEUE(dial, "INFO", "server");
    QUEUE(dial, "CLIENT", "ID");
    if (plan->client_name) QUEUE(dial, "CLIENT", "SETNAME", plan->client_name);
}

static void authenticate(struct hf_dial *dial)
{
    const char *user = user_of(dial), *password = password_of(dial);
    dial->greeting.protocol = 2;
    if (!password) {
        prepare(dial);
        return;
    }
    enter(dial, HF_DIAL_AUTH);
    if (user) {
        QUEUE(dial, "AUTH", user, password);
    } else {
        QUEUE(dial, "AUTH", password);
    }
}

/* ---- Replies ------------------------------------------------------------------- */

static hf_err error_of(const struct hf_reply *reply, struct hf_bytes *text)
{
    *text = hf_bytes("", 0);
    if (hf_reply_type(reply) != HF_REPLY_ERROR) return HF_OK;
    if (hf_reply_bytes(reply, text)) return HF_E_PROTOCOL;
    return hf_server_error(*text);
}

/* Redis tells at length how it wants to be asked, and not what is missing. */
static void fail_with(struct hf_dial *dial, hf_err err, struct hf_bytes text)
{
    static const char noauth[] = "NOAUTH ";
    const size_t      size = sizeof noauth - 1;
    if (text.size >= size && memcmp(text.data, noauth, size) == 0) {
        text = hf_str("NOAUTH: a password is wanted, and none was given");
    }
    fail(dial, hf_fail(&dial->error, err, "handshake: %.*s", (int)text.size,
                       (const char *)text.data));
}

static bool means_no_hello(struct hf_bytes text)
{
    static const char *const beginnings[] = { "ERR unknown command", "NOPROTO" };
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        const size_t size = strlen(beginnings[i]);
        if (text.size >= size && memcmp(text.data, beginnings[i], size) == 0) return true;
    }
    return false;
}

static void take_hello(struct hf_dial *dial, const struct hf_reply *reply)
{
    struct hf_bytes text;
    const hf_err    err = error_of(reply, &text);
    if (err && means_no_hello(text)) {
        authenticate(dial);
    } else if (err) {
        fail_with(dial, err, text);
    } else {
        dial->greeting.protocol = 3;
        prepare(dial);
    }
}

static void take_auth(struct hf_dial *dial, const struct hf_reply *reply)
{
    struct hf_bytes text;
    const hf_err    err = error_of(reply, &text);
    if (err) {
        fail_with(dial, err == HF_E_NOPERM ? err : HF_E_AUTH, text);
    } else {
        prepare(dial);
    }
}

static void read_run_id(struct hf_dial *dial, const struct hf_reply *reply)
{
    static const char field[] = "\nrun_id:";
    struct hf_bytes   info;
    if (hf_reply_type(reply) == HF_REPLY_ERROR || hf_reply_bytes(reply, &info)) return;

    const char *at = memmem(info.data, info.size, field, sizeof field - 1);
    if (!at) return;
    at += sizeof field - 1;
    const size_t left = info.size - (size_t)(at - (const char *)info.data);
    const char  *end = memchr(at, '\r', left);
    if (!end || end - at >= HF_RUN_ID_SIZE) return;
    memcpy(dial->greeting.run_id, at, (size_t)(end - at));
}

/* The replies to prepare(), in its order. Only SELECT and PING decide; what an ACL forbids of
 * the others makes features smaller, not the server useless. */
static void take_prepare(struct hf_dial *dial, const struct hf_reply *reply)
{
    enum { SELECTED, PINGED, INFORMED, IDENTIFIED };
    struct hf_bytes text;
    const hf_err    err = error_of(reply, &text);
    switch (dial->reply_index) {
    case SELECTED:
        if (err && (err != HF_E_NOPERM || dial->plan->url->db)) fail_with(dial, err, text);
        break;
    case PINGED:
        dial->greeting.is_degraded = hf_err_category(err) == HF_CATEGORY_DEGRADED;
        if (err && !dial->greeting.is_degraded && err != HF_E_NOPERM) {
            fail_with(dial, err, text);
        }
        break;
    case INFORMED: read_run_id(dial, reply); break;
    case IDENTIFIED:
        if (hf_reply_int(reply, &dial->greeting.client_id)) dial->greeting.client_id = 0;
        break;
    default: break;
    }
}

static void take_reply(struct hf_dial *dial, const struct hf_reply *reply)
{
    const enum hf_dial_state state = dial->state;
    switch (state) {
    case HF_DIAL_HELLO: take_hello(dial, reply); break;
    case HF_DIAL_AUTH: take_auth(dial, reply); break;
    case HF_DIAL_PREPARE: take_prepare(dial, reply); break;
    default: break;
    }
    if (dial->state != state || ++dial->reply_index < dial->replies_due) return;
    if (state == HF_DIAL_PREPARE) dial->state = HF_DIAL_READY;
}

/* ---- Steps --------------------------------------------------------------------- */

static void try_next_address(struct hf_dial *dial, hf_instant now)
{
    hf_transport_close(&dial->transport);
    while (dial->next_address < dial->addresses.count) {
        const struct hf_address *address = &dial->addresses.at[dial->next_address++];
        char                     text[128];
        bool                     connected;
        int                      os_error;
        if (hf_socket_connect(&dial->transport, address, &connected, &os_error) == HF_OK) {
            const int64_t left = hf_between(now, dial->deadline).ns;
            const int64_t share = left / (dial->addresses.count - dial->next_address + 2);
            dial->next_address_at = hf_later(now, hf_ns(share));
            dial->state = HF_DIAL_CONNECT;
            return;
        }
        hf_address_text(address, text, sizeof text);
        (void)hf_fail(&dial->error, HF_E_CONNECT, "connect %s: %s", text, strerror(os_error));
    }
    fail(dial, HF_E_CONNECT);
}

static bool step_resolve(struct hf_dial *dial, hf_instant now)
{
    const hf_err err = hf_lookup_take(dial->lookup, &dial->addresses, &dial->error);
    if (err == HF_E_TRYAGAIN) return false;
    hf_lookup_drop(dial->lookup);
    dial->lookup = NULL;
    if (err) {
        fail(dial, err);
    } else {
        try_next_address(dial, now);
    }
    return true;
}

/* An address that swallows everything must not take the time of the next ones. */
static bool is_past_its_share(const struct hf_dial *dial, hf_instant now)
{
    return dial->next_address < dial->addresses.count &&
           !hf_before(now, dial->next_address_at);
}

static bool step_connect(struct hf_dial *dial, hf_instant now)
{
    struct pollfd writable = { .fd = dial->transport.fd, .events = POLLOUT };
    if (poll(&writable, 1, 0) <= 0) {
        if (!is_past_its_share(dial, now)) return false;
        try_next_address(dial, now);
        return true;
    }
    int os_error;
    if (hf_socket_connected(&dial->transport, &os_error)) {
        char text[128];
        hf_address_text(&dial->addresses.at[dial->next_address - 1], text, sizeof text);
        (void)hf_fail(&dial->error, HF_E_CONNECT, "connect %s: %s", text, strerror(os_error));
        try_next_address(dial, now);
        return true;
    }
    dial->has_connected = true;
    hf_socket_tune(&dial->transport, dial->plan->patience);
    if (!dial->plan->tls) {
        ask_or_say_hello(dial);
        return true;
    }
    const hf_err err = hf_tls_wrap(dial->plan->tls, &dial->transport, &dial->error);
    if (err) {
        fail(dial, err);
    } else {
        dial->state = HF_DIAL_TLS;
    }
    return true;
}

static bool step_tls(struct hf_dial *dial)
{
    const hf_err err = hf_tls_handshake(&dial->transport, &dial->error);
    if (err == HF_E_TRYAGAIN) return false;
    if (err) {
        fail(dial, err);
    } else {
        ask_or_say_hello(dial);
    }
    return true;
}

static bool step_ask(struct hf_dial *dial)
{
    const hf_err err = hf_login_take(dial->plan->login, &dial->credentials, &dial->error);
    if (err == HF_E_TRYAGAIN) return false;
    if (err) {
        fail(dial, err);
    } else {
        say_hello(dial);
    }
    return true;
}

static void fail_lost(struct hf_dial *dial, int os_error)
{
    const bool silent = dial->state == HF_DIAL_HELLO && !dial->plan->tls;
    fail(dial, hf_fail(&dial->error, HF_E_CONNECT, "handshake: %s%s",
                       os_error ? strerror(os_error) : "server closed the connection",
                       silent ? "; if it expects TLS, use rediss://" : ""));
}

/* True when bytes moved. */
static bool exchange(struct hf_dial *dial)
{
    int    os_error = 0;
    size_t sent = 0, received = 0, size;
    void  *space;
    if (hf_buffer_size(&dial->out) > 0) {
        const struct iovec part = { hf_buffer_bytes(&dial->out), hf_buffer_size(&dial->out) };
        if (hf_transport_send(&dial->transport, &part, 1, &sent, &os_error)) {
            /* What the server said before it closed explains more than the failed send. */
            sent = 0;
        }
        explicit_bzero(part.iov_base, sent); /* It may be a password. */
        hf_buffer_consume(&dial->out, sent);
    }
    const hf_err err = hf_resp_reader_space(&dial->reader, &space, &size);
    if (err) {
        fail(dial, hf_fail(&dial->error, err, "handshake: %s", hf_err_text(err)));
    } else if (hf_transport_receive(&dial->transport, space, size, &received, &os_error)) {
        fail_lost(dial, os_error);
    } else {
        hf_resp_reader_filled(&dial->reader, received);
    }
    return sent + received > 0;
}

static void take_replies(struct hf_dial *dial)
{
    while (dial->state >= HF_DIAL_HELLO && dial->state <= HF_DIAL_PREPARE) {
        struct hf_reply *reply;
        const hf_err     err = hf_resp_reader_next(&dial->reader, &reply);
        if (err) {
            const bool first = dial->state == HF_DIAL_HELLO && !dial->plan->tls;
            fail(dial, hf_fail(&dial->error, err, "handshake: %s%s",
                               hf_resp_reader_error(&dial->reader),
                               first ? "; if it expects TLS, use rediss://" : ""));
            return;
        }
        if (!reply) return;
        if (hf_reply_type(reply) != HF_REPLY_PUSH) take_reply(dial, reply);
        hf_reply_free(reply);
    }
}

static bool step_talk(struct hf_dial *dial)
{
    const bool moved = exchange(dial);
    if (dial->state != HF_DIAL_FAILED) take_replies(dial);
    return moved;
}

static bool has_ended(const struct hf_dial *dial)
{
    return dial->state == HF_DIAL_READY || dial->state == HF_DIAL_FAILED;
}

static void fail_late(struct hf_dial *dial)
{
    static const char *const doing[] = { "resolving",       "connecting",
                                         "agreeing on TLS", "asking for credentials",
                                         "saying hello",    "authenticating",
                                         "preparing" };
    const bool               in_tls = dial->state == HF_DIAL_TLS;
    const hf_err err = dial->state == HF_DIAL_ASK ? HF_E_AUTH : HF_E_CONNECT_TIMEOUT;
    fail(dial, hf_fail(&dial->error, err, "no answer while %s%s", doing[dial->state],
                       in_tls ? "; if it does not speak TLS, use redis://" : ""));
}

bool hf_dial_step(struct hf_dial *dial, hf_instant now)
{
    bool moves = true;
    while (moves && !has_ended(dial)) {
        switch (dial->state) {
        case HF_DIAL_RESOLVE: moves = step_resolve(dial, now); break;
        case HF_DIAL_CONNECT: moves = step_connect(dial, now); break;
        case HF_DIAL_TLS: moves = step_tls(dial); break;
        case HF_DIAL_ASK: moves = step_ask(dial); break;
        default: moves = step_talk(dial); break;
        }
    }
    if (!has_ended(dial) && !hf_before(now, dial->deadline)) fail_late(dial);
    return has_ended(dial);
}

/* ---- Beginning and end --------------------------------------------------------- */

static hf_err set_out(struct hf_dial *dial, hf_instant now)
{
    const struct hf_url *url = dial->plan->url;
    const char          *path = dial->plan->socket_path ? dial->plan->socket_path : url->path;
    if (url->scheme == HF_SCHEME_UNIX || url->scheme == HF_SCHEME_EMBEDDED) {
        dial->addresses.count = 1;
        const hf_err err = hf_address_unix(&dial->addresses.at[0], path);
        return err ? hf_fail(&dial->error, err, "dial: %s", hf_err_text(err)) : HF_OK;
    }
    if (hf_address_numeric(&dial->addresses.at[0], url->host, url->port)) {
        dial->addresses.count = 1;
        return HF_OK;
    }
    return hf_resolver_ask(dial->plan->resolver, url->host, url->port, now, &dial->lookup,
                           &dial->error);
}

void hf_dial_init(struct hf_dial *dial, const struct hf_dial_plan *plan, hf_instant now,
                  hf_instant deadline)
{
    *dial = (struct hf_dial){
        .plan = plan,
        .started = now,
        .deadline = deadline,
        .transport = { .fd = -1 },
    };
    hf_resp_reader_init(&dial->reader, plan->allocator, &handshake_limits);
    hf_buffer_init(&dial->out, plan->allocator, OUT_MAX);

    const hf_err err = set_out(dial, now);
    if (err) {
        fail(dial, err);
    } else if (!dial->lookup) {
        try_next_address(dial, now);
    }
}

void hf_dial_deinit(struct hf_dial *dial)
{
    forget_credentials(dial);
    if (dial->out.data) explicit_bzero(dial->out.data, dial->out.capacity);
    hf_buffer_deinit(&dial->out);
    hf_resp_reader_deinit(&dial->reader);
    hf_lookup_drop(dial->lookup);
    hf_transport_close(&dial->transport);
    dial->lookup = NULL;
}

int hf_dial_fd(const struct hf_dial *dial)
{
    if (dial->state == HF_DIAL_ASK) return hf_login_fd(dial->plan->login);
    return dial->lookup ? hf_lookup_fd(dial->lookup) : dial->transport.fd;
}

short hf_dial_events(const struct hf_dial *dial)
{
    if (dial->state == HF_DIAL_RESOLVE || dial->state == HF_DIAL_ASK) return POLLIN;
    if (dial->state == HF_DIAL_CONNECT) return POLLOUT;
    if (dial->state == HF_DIAL_TLS) return hf_transport_events(&dial->transport, POLLIN);
    const short wanted = hf_buffer_size(&dial->out) > 0 ? POLLIN | POLLOUT : POLLIN;
    return hf_transport_events(&dial->transport, wanted);
}

hf_instant hf_dial_next(const struct hf_dial *dial)
{
    const bool has_more = dial->next_address < dial->addresses.count;
    if (dial->state != HF_DIAL_CONNECT || !has_more) return dial->deadline;
    return hf_earlier_of(dial->next_address_at, dial->deadline);
}

struct hf_transport hf_dial_take(struct hf_dial *dial)
{
    hf_assert(dial->state == HF_DIAL_READY);
    const struct hf_transport taken = dial->transport;
    dial->transport.fd = -1;
    return taken;
}
