#include "support/fault_proxy.h"

#include "support/die.h"
#include "support/endpoint.h"
#include "support/fault_pair.h"
#include "topology/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

struct cut {
    bool           wanted;
    uint32_t       connection;
    enum fault_end end;
};

/* The random play under way. */
struct play {
    struct fault_play plan; /* kinds 0: none. */
    struct hf_rng     rng;
    uint64_t          storm; /* The id of the fault, 0 while calm. */
    hf_instant        next_at;
};

struct fault_proxy {
    struct endpoint listen_to;
    struct endpoint server;
    char            folder[64]; /* Private, "" when there is none. */
    char            url[ENDPOINT_TEXT_MAX + 32];
    int             listener; /* The thread's, -1 while refusing. */
    int             plug;     /* Fills the queue while connecting hangs, else -1. */
    int             bell;     /* Rung after a change. */
    pthread_t       thread;
    struct hf_rng   rng; /* The thread's, for jitter. */
    struct pollfd  *events;
    char           *block;
    struct {
        pthread_mutex_t     mutex;
        pthread_cond_t      obeyed_cond;
        uint64_t            ordered, obeyed; /* Changes made, and taken note of. */
        bool                closing;
        uint64_t            last_id;
        struct fault_slots  slots;
        struct cut          cut;
        struct play         play;
        struct fault_pair  *pairs;
        struct fault_counts gone; /* Of connections that are no more, and all accepted. */
    } locked;
};

static struct fault_slot *slot_of(struct fault_proxy *proxy, uint64_t id)
{
    for (int i = 0; i < FAULT_SLOTS; i++) {
        if (proxy->locked.slots.slot[i].id == id) return &proxy->locked.slots.slot[i];
    }
    return NULL;
}

static uint64_t set_locked(struct fault_proxy *proxy, const struct fault *fault)
{
    struct fault_slot *slot = slot_of(proxy, 0);
    if (!slot || fault->data.size > sizeof slot->data) die("fault proxy: too many faults");
    *slot = (struct fault_slot){ .fault = *fault, .id = ++proxy->locked.last_id };
    if (fault->data.size > 0) memcpy(slot->data, fault->data.data, fault->data.size);
    slot->fault.data.data = slot->data;
    return slot->id;
}

static void lift_locked(struct fault_proxy *proxy, uint64_t id)
{
    struct fault_slot *slot = id > 0 ? slot_of(proxy, id) : NULL;
    if (!slot) return;
    proxy->locked.gone.struck += slot->struck;
    slot->id = 0;
}

static bool is_in_force(const struct fault_proxy *proxy, enum fault_kind kind)
{
    for (int i = 0; i < FAULT_SLOTS; i++) {
        const struct fault_slot *slot = &proxy->locked.slots.slot[i];
        if (slot->id > 0 && slot->fault.kind == kind) return true;
    }
    return false;
}

static void poke_all(struct fault_proxy *proxy, hf_instant now)
{
    for (struct fault_pair *p = proxy->locked.pairs; p; p = p->next) fault_pair_poke(p, now);
}

static hf_instant random_moment(struct play *play, hf_instant now, hf_duration max)
{
    return hf_later(now, hf_ns((int64_t)hf_rng_below(&play->rng, (uint64_t)max.ns + 1)));
}

/* Ends the calm or the storm when it is time; true when it did. *told is the new storm. */
static bool play_on(struct fault_proxy *proxy, hf_instant now, struct fault *told,
                    bool *is_storm)
{
    struct play *play = &proxy->locked.play;
    if (play->plan.kinds == 0 || hf_before(now, play->next_at)) return false;
    *is_storm = play->storm == 0;
    if (*is_storm) {
        *told = fault_random(&play->rng, play->plan.kinds);
        play->storm = set_locked(proxy, told);
        play->next_at = random_moment(play, now, play->plan.storm_max);
    } else {
        lift_locked(proxy, play->storm);
        play->storm = 0;
        play->next_at = random_moment(play, now, play->plan.calm_max);
    }
    poke_all(proxy, now);
    return true;
}

static void close_if_open(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* With room for one in the queue, and one there that nobody takes, the kernel leaves others
 * without an answer. */
static void plug_listener(struct fault_proxy *proxy)
{
    if (listen(proxy->listener, 0) == 0) proxy->plug = endpoint_connect(&proxy->listen_to);
}

static void unplug_listener(struct fault_proxy *proxy)
{
    const int plugged = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
    if (plugged >= 0) close(plugged);
    close_if_open(&proxy->plug);
    listen(proxy->listener, LISTEN_QUEUE);
}

static void tend_listener(struct fault_proxy *proxy)
{
    const bool is_refusing = is_in_force(proxy, FAULT_REFUSE);
    const bool is_hanging = is_in_force(proxy, FAULT_HANG) && !is_refusing;
    if (proxy->plug >= 0 && !is_hanging) unplug_listener(proxy);
    if (is_refusing) close_if_open(&proxy->listener);
    if (!is_refusing && proxy->listener < 0) {
        proxy->listener = endpoint_listen(&proxy->listen_to);
    }
    if (is_hanging && proxy->plug < 0 && proxy->listener >= 0) plug_listener(proxy);
}

static void cut_as_ordered(struct fault_proxy *proxy)
{
    struct cut *cut = &proxy->locked.cut;
    for (struct fault_pair *p = proxy->locked.pairs; cut->wanted && p; p = p->next) {
        if (cut->connection == 0 || cut->connection == p->to_server.lane.connection) {
            fault_pair_end(p, cut->end);
        }
    }
    cut->wanted = false;
}

static void count_pair(struct fault_counts *counts, const struct fault_pair *pair)
{
    counts->bytes_to_server += pair->to_server.lane.bytes;
    counts->bytes_to_client += pair->to_client.lane.bytes;
    counts->commands += pair->to_server.lane.messages;
    counts->replies += pair->to_client.lane.messages;
}

static void write_all(struct fault_proxy *proxy, hf_instant now, hf_instant *wake)
{
    for (struct fault_pair **link = &proxy->locked.pairs; *link;) {
        struct fault_pair *pair = *link;
        if (!pair->is_dead) fault_pair_write(pair, now, wake);
        if (!pair->is_dead) {
            link = &pair->next;
            continue;
        }
        *link = pair->next;
        count_pair(&proxy->locked.gone, pair);
        proxy->locked.gone.open--;
        fault_pair_deinit(pair);
        free(pair);
    }
}

/* The server's socket, or -1 when the client shall be turned away. */
static int connect_through(const struct fault_proxy *proxy)
{
    if (is_in_force(proxy, FAULT_RESET)) return -1;
    if (proxy->locked.gone.open == FAULT_PROXY_CONNECTIONS) return -1;
    return endpoint_connect(&proxy->server);
}

static void add_pair(struct fault_proxy *proxy, int client, hf_instant now)
{
    const int          server = connect_through(proxy);
    struct fault_pair *pair = malloc(sizeof *pair);
    if (!pair) die("fault proxy: out of memory");
    proxy->locked.gone.accepted++;
    proxy->locked.gone.open++;
    fault_pair_init(pair, client, server, (uint32_t)proxy->locked.gone.accepted,
                    &proxy->locked.slots, &proxy->rng);
    pair->next = proxy->locked.pairs;
    proxy->locked.pairs = pair;
    if (server < 0) fault_pair_end(pair, FAULT_RESET_END);
    fault_pair_poke(pair, now);
}

static void accept_all(struct fault_proxy *proxy, hf_instant now)
{
    const int one = 1;
    for (int i = 0; i < 64; i++) { /* The others have a right to be served, too. */
        const int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client < 0) return;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        add_pair(proxy, client, now);
    }
}

static void obey(struct fault_proxy *proxy, hf_instant now)
{
    if (proxy->locked.obeyed == proxy->locked.ordered) return;
    if (proxy->listener >= 0 && proxy->plug < 0)
        accept_all(proxy, now); /* Who has connected is let in. */
    tend_listener(proxy);
    cut_as_ordered(proxy);
    poke_all(proxy, now);
    proxy->locked.obeyed = proxy->locked.ordered;
    pthread_cond_broadcast(&proxy->locked.obeyed_cond);
}

/* The bell, the listener, then two for each pair. */
static nfds_t collect_events(struct fault_proxy *proxy)
{
    nfds_t count = 2;
    proxy->events[0] = (struct pollfd){ .fd = proxy->bell, .events = POLLIN };
    proxy->events[1] = (struct pollfd){ .fd = proxy->plug >= 0 ? -1 : proxy->listener,
                                        .events = POLLIN };
    for (const struct fault_pair *p = proxy->locked.pairs; p; p = p->next, count += 2) {
        fault_pair_events(p, &proxy->events[count]);
    }
    return count;
}

static void handle_events(struct fault_proxy *proxy, hf_instant now)
{
    const struct pollfd *events = &proxy->events[2];
    for (struct fault_pair *p = proxy->locked.pairs; p; p = p->next, events += 2) {
        fault_pair_read(p, events, now, proxy->block);
    }
    if (proxy->events[1].revents) accept_all(proxy, now);
    eventfd_t rings;
    if (proxy->events[0].revents) eventfd_read(proxy->bell, &rings);
}

static void wait_for_events(struct fault_proxy *proxy, nfds_t count, hf_instant wake)
{
    const int64_t         ns = hf_between(hf_now(), wake).ns;
    const struct timespec span = { ns / 1000000000, ns % 1000000000 };
    if (ppoll(proxy->events, count, &span, NULL) > 0) return;
    for (nfds_t i = 0; i < count; i++) proxy->events[i].revents = 0;
}

static void tell(struct fault_proxy *proxy, const struct fault *fault)
{
    const struct fault_play plan = proxy->locked.play.plan;
    if (!plan.tell) return;
    pthread_mutex_unlock(&proxy->locked.mutex);
    plan.tell(fault, plan.ctx);
    pthread_mutex_lock(&proxy->locked.mutex);
}

static void *forward(void *ctx)
{
    struct fault_proxy *proxy = ctx;
    prctl(PR_SET_TIMERSLACK, 1); /* Delays in microseconds are meant so. */
    pthread_mutex_lock(&proxy->locked.mutex);
    while (!proxy->locked.closing) {
        struct fault told;
        bool         is_storm;
        hf_instant   now = hf_now();
        if (play_on(proxy, now, &told, &is_storm)) tell(proxy, is_storm ? &told : NULL);
        obey(proxy, now);
        tend_listener(proxy);

        hf_instant wake = hf_later(now, hf_seconds(60));
        if (proxy->locked.play.plan.kinds) wake = proxy->locked.play.next_at;
        if (proxy->listener < 0) wake = hf_later(now, hf_ms(50)); /* Its port may be taken. */
        write_all(proxy, now, &wake);
        const nfds_t count = collect_events(proxy);
        pthread_mutex_unlock(&proxy->locked.mutex);
        wait_for_events(proxy, count, wake);
        pthread_mutex_lock(&proxy->locked.mutex);
        now = hf_now();
        handle_events(proxy, now);
    }
    pthread_mutex_unlock(&proxy->locked.mutex);
    return NULL;
}

/* Waits until the thread acts on what was changed under the lock. */
static void order_and_unlock(struct fault_proxy *proxy)
{
    const uint64_t order = ++proxy->locked.ordered;
    eventfd_write(proxy->bell, 1);
    while (proxy->locked.obeyed < order) {
        pthread_cond_wait(&proxy->locked.obeyed_cond, &proxy->locked.mutex);
    }
    pthread_mutex_unlock(&proxy->locked.mutex);
}

static bool choose_address(struct fault_proxy *proxy, const char *listen, char *why)
{
    char text[ENDPOINT_TEXT_MAX];
    if (listen) return endpoint_parse(listen, &proxy->listen_to, why, FAULT_WHY_MAX);
    strcpy(proxy->folder, "/tmp/hf-proxy-XXXXXX");
    if (!mkdtemp(proxy->folder)) {
        snprintf(why, FAULT_WHY_MAX, "%s: %s", proxy->folder, strerror(errno));
        proxy->folder[0] = '\0';
        return false;
    }
    snprintf(text, sizeof text, "unix:%s/s", proxy->folder);
    return endpoint_parse(text, &proxy->listen_to, why, FAULT_WHY_MAX);
}

static bool begin_listening(struct fault_proxy *proxy, char *why)
{
    proxy->listener = endpoint_listen(&proxy->listen_to);
    proxy->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (proxy->listener < 0 || proxy->bell < 0) {
        snprintf(why, FAULT_WHY_MAX, "listen on %s: %s", proxy->listen_to.text,
                 strerror(errno));
        return false;
    }
    const char *path = endpoint_path(&proxy->listen_to);
    snprintf(proxy->url, sizeof proxy->url, "%s://%s%s", path ? "unix" : "redis",
             path ? path : proxy->listen_to.text, path ? "" : "/0");
    return true;
}

/* What is there of a proxy whose thread does not run. */
static void free_proxy(struct fault_proxy *proxy)
{
    close_if_open(&proxy->plug);
    close_if_open(&proxy->listener);
    close_if_open(&proxy->bell);
    if (endpoint_path(&proxy->listen_to)) unlink(endpoint_path(&proxy->listen_to));
    if (proxy->folder[0] != '\0') hf_folder_remove(AT_FDCWD, proxy->folder);
    while (proxy->locked.pairs) {
        struct fault_pair *pair = proxy->locked.pairs;
        proxy->locked.pairs = pair->next;
        fault_pair_deinit(pair);
        free(pair);
    }
    pthread_cond_destroy(&proxy->locked.obeyed_cond);
    pthread_mutex_destroy(&proxy->locked.mutex);
    free(proxy->events);
    free(proxy->block);
    free(proxy);
}

struct fault_proxy *fault_proxy_open(const char *listen, const char *to,
                                     char why[FAULT_WHY_MAX])
{
    struct fault_proxy *proxy = calloc(1, sizeof *proxy);
    if (!proxy) die("fault proxy: out of memory");
    proxy->listener = proxy->plug = proxy->bell = -1;
    proxy->events = calloc(2 * FAULT_PROXY_CONNECTIONS + 2, sizeof *proxy->events);
    proxy->block = malloc(FAULT_READ_SIZE);
    if (!proxy->events || !proxy->block) die("fault proxy: out of memory");
    pthread_mutex_init(&proxy->locked.mutex, NULL);
    pthread_cond_init(&proxy->locked.obeyed_cond, NULL);

    if (endpoint_parse(to, &proxy->server, why, FAULT_WHY_MAX) &&
        choose_address(proxy, listen, why) && begin_listening(proxy, why)) {
        if (pthread_create(&proxy->thread, NULL, forward, proxy) == 0) return proxy;
        snprintf(why, FAULT_WHY_MAX, "no thread to be had");
    }
    free_proxy(proxy);
    return NULL;
}

static struct fault_proxy *open_or_die(const char *listen, const char *to)
{
    char                why[FAULT_WHY_MAX];
    struct fault_proxy *proxy = fault_proxy_open(listen, to, why);
    if (!proxy) die("fault proxy: %s", why);
    return proxy;
}

struct fault_proxy *fault_proxy_start(const char *server_socket)
{
    char to[ENDPOINT_TEXT_MAX];
    snprintf(to, sizeof to, "unix:%s", server_socket);
    return open_or_die(NULL, to);
}

struct fault_proxy *fault_proxy_start_tcp(int server_port)
{
    char to[ENDPOINT_TEXT_MAX];
    snprintf(to, sizeof to, "127.0.0.1:%d", server_port);
    return open_or_die("127.0.0.1:0", to);
}

void fault_proxy_close(struct fault_proxy *proxy)
{
    if (!proxy) return;
    pthread_mutex_lock(&proxy->locked.mutex);
    proxy->locked.closing = true;
    eventfd_write(proxy->bell, 1);
    pthread_mutex_unlock(&proxy->locked.mutex);
    pthread_join(proxy->thread, NULL);
    free_proxy(proxy);
}

const char *fault_proxy_address(const struct fault_proxy *proxy)
{
    return proxy->listen_to.text;
}

const char *fault_proxy_path(const struct fault_proxy *proxy)
{
    return endpoint_path(&proxy->listen_to);
}

int fault_proxy_port(const struct fault_proxy *proxy)
{
    return endpoint_port(&proxy->listen_to);
}

const char *fault_proxy_url(const struct fault_proxy *proxy)
{
    return proxy->url;
}

uint64_t fault_proxy_set(struct fault_proxy *proxy, const struct fault *fault)
{
    pthread_mutex_lock(&proxy->locked.mutex);
    const uint64_t id = set_locked(proxy, fault);
    order_and_unlock(proxy);
    return id;
}

void fault_proxy_lift(struct fault_proxy *proxy, uint64_t id)
{
    pthread_mutex_lock(&proxy->locked.mutex);
    lift_locked(proxy, id);
    order_and_unlock(proxy);
}

void fault_proxy_clear(struct fault_proxy *proxy)
{
    pthread_mutex_lock(&proxy->locked.mutex);
    for (int i = 0; i < FAULT_SLOTS; i++) {
        lift_locked(proxy, proxy->locked.slots.slot[i].id);
    }
    proxy->locked.play = (struct play){ 0 };
    order_and_unlock(proxy);
}

void fault_proxy_cut(struct fault_proxy *proxy, uint32_t connection, enum fault_end end)
{
    pthread_mutex_lock(&proxy->locked.mutex);
    proxy->locked.cut = (struct cut){ true, connection, end };
    order_and_unlock(proxy);
}

void fault_proxy_play(struct fault_proxy *proxy, const struct fault_play *plan)
{
    pthread_mutex_lock(&proxy->locked.mutex);
    lift_locked(proxy, proxy->locked.play.storm);
    struct play *play = &proxy->locked.play;
    *play = (struct play){ .plan = *plan, .rng = { plan->seed } };
    play->next_at = random_moment(play, hf_now(), plan->calm_max);
    order_and_unlock(proxy);
}

struct fault_counts fault_proxy_counts(struct fault_proxy *proxy)
{
    pthread_mutex_lock(&proxy->locked.mutex);
    struct fault_counts counts = proxy->locked.gone;
    for (const struct fault_pair *p = proxy->locked.pairs; p; p = p->next) {
        count_pair(&counts, p);
    }
    for (int i = 0; i < FAULT_SLOTS; i++) {
        const struct fault_slot *slot = &proxy->locked.slots.slot[i];
        if (slot->id > 0) counts.struck += slot->struck;
    }
    pthread_mutex_unlock(&proxy->locked.mutex);
    return counts;
}
