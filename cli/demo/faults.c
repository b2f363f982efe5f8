#include "faults.h"

#include "wire.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PROBE_EVERY_MS = 2, BACK_WITHIN_MS = 10000, HIT_WITHIN_MS = 5000, REPLY_MS = 1000 };

/* What a fault's own code works with. */
struct scene {
    struct faults *faults;
    struct wire    admin;
    pid_t          pid;
};

struct script_row {
    struct fault_info info;
    unsigned          lasts_ms; /* Between inflicting and mending. */
    bool (*inflict)(struct scene *scene);
    bool (*mend)(struct scene *scene); /* NULL: it heals by itself. */
};

static void sleep_ms(unsigned ms)
{
    const struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };
    nanosleep(&t, NULL);
}

/* Sleeps, but wakes up when the demo is ended. */
static void rest_until(const struct faults *f, hf_instant end)
{
    while (!atomic_load(&f->stopping) && hf_before(hf_now(), end)) sleep_ms(5);
}

static bool stop_process(struct scene *s)
{
    return kill(s->pid, SIGSTOP) == 0;
}

static bool continue_process(struct scene *s)
{
    return kill(s->pid, SIGCONT) == 0;
}

/* The keeper of the embedded server starts it again. */
static bool kill_process(struct scene *s)
{
    if (kill(s->pid, SIGKILL) != 0) return false;
    return wire_wait_closed(&s->admin, hf_ms(REPLY_MS));
}

static bool starve(struct scene *s)
{
    return wire_command(&s->admin, "CONFIG SET maxmemory-policy noeviction maxmemory 1mb",
                        hf_ms(REPLY_MS));
}

static bool feed(struct scene *s)
{
    return wire_command(&s->admin, "CONFIG SET maxmemory 0", hf_ms(REPLY_MS));
}

static bool drop_connections(struct scene *s)
{
    return wire_command(&s->admin, "CLIENT KILL TYPE normal SKIPME yes", hf_ms(REPLY_MS));
}

static bool pause_clients(struct scene *s)
{
    return wire_command(&s->admin, "CLIENT PAUSE 1500 ALL", hf_ms(REPLY_MS));
}

/* clang-format off */

static const struct script_row script[FAULT_COUNT] = {
    { { "SIGSTOP", "Redis hangs: it accepts and never answers", 'S', 3000 },
      1500, stop_process, continue_process },
    { { "SIGKILL", "Redis dies and is started again, empty", 'K', 7500 },
      0, kill_process, NULL },
    { { "maxmemory", "Redis is out of memory: writes fail, reads go on", 'M', 11500 },
      2000, starve, feed },
    { { "CLIENT KILL", "all connections are cut", 'C', 15500 },
      0, drop_connections, NULL },
    { { "CLIENT PAUSE", "Redis makes everybody wait", 'P', 18500 },
      1450, pause_clients, NULL },
};

/* clang-format on */

const struct fault_info *fault_info(size_t index)
{
    return &script[index].info;
}

static bool find_server(struct scene *s)
{
    if (!wire_open(&s->admin, s->faults->socket_path)) return false;
    if (!wire_command(&s->admin, "INFO server", hf_ms(REPLY_MS))) return false;
    const char *line = strstr(s->admin.reply, "process_id:");
    if (!line) return false;
    s->pid = (pid_t)strtol(line + strlen("process_id:"), NULL, 10);
    atomic_store(&s->faults->server_pid, s->pid);
    return s->pid > 1;
}

static bool wait_until_back(const struct faults *f, struct fault *fault)
{
    const hf_instant end = hf_later(hf_now(), hf_ms(BACK_WITHIN_MS));
    while (hf_before(hf_now(), end)) {
        if (wire_probe(f->socket_path, hf_ms(REPLY_MS))) {
            atomic_store(&fault->back_ns, hf_now().ns);
            return true;
        }
        sleep_ms(PROBE_EVERY_MS);
    }
    return false;
}

static bool wait_until_hit(const struct faults *f, const struct fault *fault)
{
    const hf_instant end = hf_later(hf_now(), hf_ms(HIT_WITHIN_MS));
    while (atomic_load(&fault->hit_ns) == 0) {
        if (atomic_load(&f->stopping) || hf_before(end, hf_now())) return false;
        sleep_ms(PROBE_EVERY_MS);
    }
    return true;
}

static bool play(struct scene *s, size_t index)
{
    const struct script_row *row = &script[index];
    struct fault            *fault = &s->faults->each[index];
    if (!find_server(s)) return false;

    atomic_store(&fault->began_ns, hf_now().ns);
    atomic_store(&fault->phase, FAULT_UNDER_WAY);
    atomic_store(&s->faults->current, (int)index);
    if (!row->inflict(s)) return false;
    rest_until(s->faults, hf_later(hf_now(), hf_ms(row->lasts_ms)));
    if (row->mend && !row->mend(s)) return false;

    if (!wait_until_back(s->faults, fault)) return false;
    atomic_store(&fault->phase, FAULT_RECOVERY);
    return wait_until_hit(s->faults, fault);
}

static void *play_script(void *ctx)
{
    struct faults *f = ctx;
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        rest_until(f, hf_later(f->started, hf_ms(script[i].info.at_ms)));
        if (atomic_load(&f->stopping)) break;

        struct scene s = { .faults = f, .admin = { .fd = -1 } };
        const bool   played = play(&s, i);
        wire_close(&s.admin);
        atomic_store(&f->each[i].phase, played ? FAULT_OVER : FAULT_FAILED);
        atomic_store(&f->current, -1);
    }
    atomic_store(&f->finished, true);
    return NULL;
}

bool faults_start(struct faults *f, hf_instant started, const char *socket_path)
{
    memset(f, 0, sizeof *f);
    f->started = started;
    atomic_store(&f->current, -1);
    snprintf(f->socket_path, sizeof f->socket_path, "%s", socket_path);
    return pthread_create(&f->thread, NULL, play_script, f) == 0;
}

void faults_stop(struct faults *f)
{
    atomic_store(&f->stopping, true);
    pthread_join(f->thread, NULL);
}

void faults_hit(struct faults *f, hf_instant now)
{
    const int current = atomic_load_explicit(&f->current, memory_order_relaxed);
    if (current < 0) return;
    struct fault *fault = &f->each[current];
    const int64_t back = atomic_load(&fault->back_ns);
    if (back == 0 || now.ns < back) return;
    int64_t none = 0;
    atomic_compare_exchange_strong(&fault->hit_ns, &none, now.ns);
}

hf_duration fault_recovery(const struct fault *fault)
{
    const hf_instant back = { atomic_load(&fault->back_ns) };
    const hf_instant hit = { atomic_load(&fault->hit_ns) };
    return hf_between(back, hit);
}
