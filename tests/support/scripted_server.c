#include "support/scripted_server.h"

#include "support/die.h"
#include "support/endpoint.h"
#include "support/resp_scanner.h"
#include "support/test.h"
#include "support/wait.h"
#include "topology/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* One connection and its thread. */
struct actor {
    struct scripted_server *server;
    const struct script    *script;
    size_t                  number; /* From 1. */
    size_t                  step;   /* From 1, for messages. */
    int                     fd;
    pthread_t               thread;
    char                    input[SCRIPT_TEXT_MAX]; /* Received, not yet expected. */
    size_t                  size;
};

struct scripted_server {
    const struct script *scripts;
    size_t               count;
    struct endpoint      endpoint;
    char                 folder[64];
    char                 url[ENDPOINT_TEXT_MAX + 16];
    int                  listener;
    int                  closing; /* An eventfd, readable once the server is being closed. */
    pthread_t            acceptor;
    struct {
        pthread_mutex_t mutex;
        pthread_cond_t  changed;
        struct actor   *actors[SCRIPT_CONNECTIONS_MAX];
        size_t          started, played;
        unsigned        holds, permits; /* Connections that wait, and may go on. */
        bool            closing;
        char            mismatch[1024]; /* The first one, "" while there is none. */
    } locked;
};

/* Bytes as C would write them. */
static const char *escape(char *text, size_t text_size, const char *bytes, size_t size)
{
    size_t at = 0;
    for (size_t i = 0; i < size && at + 8 < text_size; i++) {
        const unsigned char byte = (unsigned char)bytes[i];
        const char         *known = strchr("\r\n", byte);
        if (byte != '\0' && known) {
            at += (size_t)snprintf(text + at, text_size - at, "\\%c", "rn"[byte == '\n']);
        } else if (byte < ' ' || byte > '~') {
            at += (size_t)snprintf(text + at, text_size - at, "\\x%02x", byte);
        } else {
            text[at++] = (char)byte;
        }
    }
    text[at] = '\0';
    return text;
}

static void note_mismatch(struct scripted_server *server, const char *text)
{
    pthread_mutex_lock(&server->locked.mutex);
    if (server->locked.mismatch[0] == '\0') {
        snprintf(server->locked.mismatch, sizeof server->locked.mismatch, "%s", text);
    }
    pthread_cond_broadcast(&server->locked.changed);
    pthread_mutex_unlock(&server->locked.mutex);
}

static bool is_closing(struct scripted_server *server)
{
    pthread_mutex_lock(&server->locked.mutex);
    const bool closing = server->locked.closing;
    pthread_mutex_unlock(&server->locked.mutex);
    return closing;
}

/* Says what was wanted and what there was. False, to return. */
static bool differ(struct actor *a, const char *wanted, size_t wanted_size, const char *what)
{
    char text[1024], want[320], got[320];
    if (is_closing(a->server)) return false;
    snprintf(text, sizeof text, "connection %zu, step %zu: %s: wanted \"%s\", got \"%s\"",
             a->number, a->step, what, escape(want, sizeof want, wanted, wanted_size),
             escape(got, sizeof got, a->input, a->size));
    note_mismatch(a->server, text);
    return false;
}

/* Reads some more. False at the end of input, the bound, or when closing; *why says which. */
static bool read_more(struct actor *a, hf_instant end, const char **why)
{
    struct pollfd events[] = { { .fd = a->fd, .events = POLLIN },
                               { .fd = a->server->closing, .events = POLLIN } };
    const int     left = (int)hf_to_ms(hf_between(hf_now(), end));
    const int     count = poll(events, 2, left);
    if (count < 0 && errno == EINTR) return true;
    *why = "nothing more came in time";
    if (count <= 0 || events[1].revents) return false;

    *why = "more came than fits";
    if (a->size == sizeof a->input) return false;
    const ssize_t size = recv(a->fd, a->input + a->size, sizeof a->input - a->size, 0);
    *why = "the client closed";
    if (size <= 0) return false;
    a->size += (size_t)size;
    return true;
}

static void drop_input(struct actor *a, size_t size)
{
    memmove(a->input, a->input + size, a->size - size);
    a->size -= size;
}

static hf_instant bound(void)
{
    return hf_later(hf_now(), hf_seconds(SCRIPT_BOUND_S));
}

static bool take_bytes(struct actor *a, const char *bytes, size_t size)
{
    const hf_instant end = bound();
    for (;;) {
        const char  *why;
        const size_t common = a->size < size ? a->size : size;
        if (memcmp(a->input, bytes, common) != 0) {
            return differ(a, bytes, size, "something else came");
        }
        if (common == size) break;
        if (!read_more(a, end, &why)) return differ(a, bytes, size, why);
    }
    drop_input(a, size);
    return true;
}

/* "PING x" as an array of bulk strings. */
static bool take_command(struct actor *a, const char *words)
{
    char   bytes[SCRIPT_TEXT_MAX];
    size_t count = 1, size;
    for (const char *c = words; *c != '\0'; c++) count += *c == ' ';
    size = (size_t)snprintf(bytes, sizeof bytes, "*%zu\r\n", count);
    for (const char *word = words; size < sizeof bytes;) {
        const int length = (int)strcspn(word, " ");
        size += (size_t)snprintf(bytes + size, sizeof bytes - size, "$%d\r\n%.*s\r\n", length,
                                 length, word);
        word += length;
        if (*word++ == '\0') break;
    }
    if (size >= sizeof bytes) die("scripted server: the command %.40s... is too long", words);
    return take_bytes(a, bytes, size);
}

static bool take_any(struct actor *a)
{
    const hf_instant end = bound();
    for (;;) {
        struct resp_scanner scanner = { 0 };
        bool                whole;
        const char         *why;
        const size_t        used = resp_scan(&scanner, a->input, a->size, &whole);
        if (whole) {
            drop_input(a, used);
            return true;
        }
        if (!read_more(a, end, &why)) return differ(a, "(any command)", 13, why);
    }
}

static bool take_end(struct actor *a)
{
    const hf_instant end = bound();
    const char      *why = "";
    if (a->size > 0 || read_more(a, end, &why)) {
        return differ(a, "(the end)", 9, "something else came");
    }
    return strcmp(why, "the client closed") == 0 || differ(a, "(the end)", 9, why);
}

/* False when closing. */
static bool nap(struct actor *a, int64_t ms)
{
    struct pollfd closing = { .fd = a->server->closing, .events = POLLIN };
    return poll(&closing, 1, (int)ms) == 0;
}

/* A client that does not read, or is gone, is no mismatch. */
static bool send_bytes(struct actor *a, const struct script_step *step)
{
    for (size_t sent = 0; sent < step->size;) {
        const size_t  left = step->size - sent;
        const ssize_t size = send(a->fd, step->text + sent, step->ms > 0 ? 1 : left,
                                  MSG_NOSIGNAL);
        if (size < 0 && errno == EAGAIN) {
            if (!nap(a, 1)) return false;
            continue;
        }
        if (size < 0) return true;
        sent += (size_t)size;
        if (step->ms > 0 && !nap(a, step->ms)) return false;
    }
    return true;
}

static bool hold(struct actor *a)
{
    struct scripted_server *server = a->server;
    pthread_mutex_lock(&server->locked.mutex);
    server->locked.holds++;
    while (server->locked.permits == 0 && !server->locked.closing) {
        pthread_cond_wait(&server->locked.changed, &server->locked.mutex);
    }
    server->locked.holds--;
    const bool may = server->locked.permits > 0;
    if (may) server->locked.permits--;
    pthread_mutex_unlock(&server->locked.mutex);
    return may;
}

static bool play_step(struct actor *a, const struct script_step *step)
{
    switch (step->kind) {
    case SCRIPT_KIND_EXPECT: return take_bytes(a, step->text, step->size);
    case SCRIPT_KIND_COMMAND: return take_command(a, step->text);
    case SCRIPT_KIND_ANY: return take_any(a);
    case SCRIPT_KIND_SEND: return send_bytes(a, step);
    case SCRIPT_KIND_PAUSE: return nap(a, step->ms);
    case SCRIPT_KIND_HOLD: return hold(a);
    case SCRIPT_KIND_EXPECT_CLOSE: return take_end(a);
    case SCRIPT_KIND_CLOSE: shutdown(a->fd, SHUT_RDWR); return true;
    }
    return false;
}

static void *play(void *ctx)
{
    struct actor *a = ctx;
    bool          goes_well = true;
    for (size_t i = 0; i < a->script->count && goes_well; i++) {
        a->step = i + 1;
        goes_well = play_step(a, &a->script->steps[i]);
    }
    pthread_mutex_lock(&a->server->locked.mutex);
    a->server->locked.played++;
    pthread_cond_broadcast(&a->server->locked.changed);
    pthread_mutex_unlock(&a->server->locked.mutex);
    return NULL;
}

/* Only the acceptor adds actors. */
static void add_actor(struct scripted_server *server, int fd)
{
    const size_t index = server->locked.started;
    if (index == server->count) {
        note_mismatch(server, "more connections came than there are scripts");
        close(fd);
        return;
    }
    struct actor *a = calloc(1, sizeof *a);
    if (!a) die("scripted server: out of memory");
    *a = (struct actor){
        .server = server, .script = &server->scripts[index], .number = index + 1, .fd = fd
    };
    if (pthread_create(&a->thread, NULL, play, a) != 0) die("scripted server: no thread");
    pthread_mutex_lock(&server->locked.mutex);
    server->locked.actors[server->locked.started++] = a;
    pthread_mutex_unlock(&server->locked.mutex);
}

static void *accept_all(void *ctx)
{
    struct scripted_server *server = ctx;
    struct pollfd           events[] = { { .fd = server->listener, .events = POLLIN },
                                         { .fd = server->closing, .events = POLLIN } };
    while (poll(events, 2, -1) < 0 || !events[1].revents) {
        const int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) add_actor(server, fd);
    }
    return NULL;
}

struct scripted_server *scripted_server_open(const struct script *scripts, size_t count)
{
    char                    text[ENDPOINT_TEXT_MAX], why[256];
    struct scripted_server *server = calloc(1, sizeof *server);
    if (!server || count > SCRIPT_CONNECTIONS_MAX) die("scripted server: too many scripts");
    server->scripts = scripts;
    server->count = count;
    pthread_mutex_init(&server->locked.mutex, NULL);
    pthread_cond_init(&server->locked.changed, NULL);

    strcpy(server->folder, "/tmp/hf-script-XXXXXX");
    if (!mkdtemp(server->folder)) die("scripted server: mkdtemp: %s", strerror(errno));
    snprintf(text, sizeof text, "unix:%s/s", server->folder);
    if (!endpoint_parse(text, &server->endpoint, why, sizeof why)) die("%s", why);
    snprintf(server->url, sizeof server->url, "unix://%s/s", server->folder);

    server->listener = endpoint_listen(&server->endpoint);
    server->closing = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->listener < 0 || server->closing < 0 ||
        pthread_create(&server->acceptor, NULL, accept_all, server) != 0) {
        die("scripted server: %s", strerror(errno));
    }
    return server;
}

void scripted_server_close(struct scripted_server *server)
{
    if (!server) return;
    pthread_mutex_lock(&server->locked.mutex);
    server->locked.closing = true;
    pthread_cond_broadcast(&server->locked.changed);
    pthread_mutex_unlock(&server->locked.mutex);
    eventfd_write(server->closing, 1);
    pthread_join(server->acceptor, NULL);
    for (size_t i = 0; i < server->locked.started; i++) {
        struct actor *a = server->locked.actors[i];
        pthread_join(a->thread, NULL);
        close(a->fd);
        free(a);
    }
    close(server->listener);
    close(server->closing);
    hf_folder_remove(AT_FDCWD, server->folder);
    pthread_cond_destroy(&server->locked.changed);
    pthread_mutex_destroy(&server->locked.mutex);
    free(server);
}

const char *scripted_server_path(const struct scripted_server *server)
{
    return endpoint_path(&server->endpoint);
}

const char *scripted_server_url(const struct scripted_server *server)
{
    return server->url;
}

void scripted_server_go_on(struct scripted_server *server)
{
    pthread_mutex_lock(&server->locked.mutex);
    server->locked.permits++;
    pthread_cond_broadcast(&server->locked.changed);
    pthread_mutex_unlock(&server->locked.mutex);
}

bool scripted_server_is_held(void *ctx)
{
    struct scripted_server *server = ctx;
    pthread_mutex_lock(&server->locked.mutex);
    const bool held = server->locked.holds > server->locked.permits;
    pthread_mutex_unlock(&server->locked.mutex);
    return held;
}

static bool is_settled(void *ctx)
{
    struct scripted_server *server = ctx;
    pthread_mutex_lock(&server->locked.mutex);
    const bool settled = server->locked.mismatch[0] != '\0' ||
                         server->locked.played == server->count;
    pthread_mutex_unlock(&server->locked.mutex);
    return settled;
}

const char *scripted_server_outcome(struct scripted_server *server)
{
    if (!wait_until(is_settled, server, hf_seconds(2 * SCRIPT_BOUND_S))) {
        note_mismatch(server, "not all scripts were played to their ends");
    }
    return server->locked.mismatch[0] == '\0' ? NULL : server->locked.mismatch;
}

void scripted_server_verify(struct scripted_server *server)
{
    const char *mismatch = scripted_server_outcome(server);
    if (mismatch) fail_msg("%s", mismatch);
}
