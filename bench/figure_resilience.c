#include "die.h"
#include "figures.h"
#include "ours.h"
#include "redis.h"
#include "step.h"

#include <holdfast/breaker.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct closed {
    struct hf_breaker *breaker;
    hf_instant         now;
};

static void admit_and_report(void *ctx)
{
    const struct closed *closed = ctx;
    for (int i = 0; i < STEP_ROUND; i++) {
        struct hf_permit permit;
        if (hf_breaker_admit(closed->breaker, closed->now, &permit)) die("breaker: refused");
        hf_breaker_report(closed->breaker, closed->now, permit, HF_OUTCOME_SUCCESS, hf_ns(0));
    }
}

double breaker_closed_ns(struct lab *lab, const struct load *load,
                         const struct driver *driver)
{
    (void)load;
    (void)driver;
    struct closed   closed = { .now = hf_now() };
    struct hf_error error;
    if (hf_breaker_open(NULL, &closed.breaker, &error)) die("breaker: %s", error.detail);
    const double ns = ns_per_step(lab->slice, admit_and_report, &closed);
    hf_breaker_close(closed.breaker);
    return ns;
}

static void be_refused(void *ctx)
{
    const struct hf_bytes argv[] = { hf_bytes("GET", 3), hf_bytes("bench:none", 10) };
    struct hf_reply      *reply;
    for (int i = 0; i < STEP_ROUND; i++) {
        if (hf_client_command(ctx, NULL, argv, 2, &reply, NULL) != HF_E_BREAKER_OPEN) {
            die("the breaker does not stay open");
        }
    }
}

/* Nobody listens where it wants to connect, so its breaker opens. */
static struct hf_client *open_without_server(const struct lab *lab)
{
    char                  url[128];
    struct hf_options    *options;
    struct hf_client     *client;
    struct hf_error       error;
    struct hf_reply      *reply;
    const struct hf_bytes argv[] = { hf_str("PING") };
    const hf_instant      patience = hf_later(hf_now(), hf_seconds(20));

    snprintf(url, sizeof url, "unix://%s/nobody", lab->server.folder);
    if (hf_options_open(&options)) die("out of memory");
    hf_options_set_log(options, HF_LOG_SILENT, NULL, NULL);
    if (hf_options_set(options, "url", url, &error)) die("%s", error.detail);
    if (hf_client_open(options, &client, &error)) die("open: %s", error.detail);
    hf_options_close(options);

    while (hf_client_command(client, NULL, argv, 1, &reply, NULL) != HF_E_BREAKER_OPEN) {
        const struct timespec pause = { 0, 1000000 };
        if (!hf_before(hf_now(), patience)) die("the breaker does not open");
        nanosleep(&pause, NULL);
    }
    return client;
}

double fail_fast_open_ns(struct lab *lab, const struct load *load,
                         const struct driver *driver)
{
    (void)load;
    (void)driver;
    struct hf_client *client = open_without_server(lab);
    const double      ns = ns_per_step(lab->slice, be_refused, client);
    hf_client_close(client);
    return ns;
}

/* ---- Retries ------------------------------------------------------------------- */

enum { OUTAGE_THREADS = 8, OUTAGE_CALLS = 500 };

struct victim {
    pthread_t         thread;
    struct hf_client *client;
    int               calls;
};

static void *suffer(void *ctx)
{
    const struct victim  *victim = ctx;
    const struct hf_bytes argv[] = { hf_str("GET"), hf_str("bench:none") };
    struct hf_reply      *reply;
    for (int i = 0; i < victim->calls; i++) {
        if (hf_client_command(victim->client, NULL, argv, 2, &reply, NULL) == HF_OK) {
            die("the server answers in the middle of its outage");
        }
    }
    return NULL;
}

/* Commands of this name that reached the server, those it turned away included. */
static long arrived(redisContext *redis, const char *command)
{
    char        field[64];
    char        text[256];
    const char *rejected;
    snprintf(field, sizeof field, "cmdstat_%s", command);
    redis_info_text(redis, field, text, sizeof text);
    if (strncmp(text, "calls=", 6) != 0) return 0;
    rejected = strstr(text, "rejected_calls=");
    return strtol(text + 6, NULL, 10) + (rejected ? strtol(rejected + 15, NULL, 10) : 0);
}

static void do_command(redisContext *redis, const char *command)
{
    redisReply *reply = redisCommand(redis, command);
    if (!reply || reply->type == REDIS_REPLY_ERROR) die("server: %s failed", command);
    freeReplyObject(reply);
}

/* A script that never ends: from then on the server answers BUSY to everybody, until it is
 * killed. The reply to the script is left to come. */
static redisContext *begin_outage(const struct address *address, redisContext *control)
{
    const struct timespec pause = { 0, 20000000 };
    redisContext         *busy = redis_connect(address);
    int                   flushed = 0;
    do_command(control, "CONFIG SET busy-reply-threshold 1");
    redisAppendCommand(busy, "EVAL %s 0", "while true do end");
    while (!flushed) {
        if (redisBufferWrite(busy, &flushed) != REDIS_OK) die("server: connection lost");
    }
    nanosleep(&pause, NULL);
    return busy;
}

/* It is over when the script has been answered. */
static void end_outage(redisContext *busy, redisContext *control)
{
    void *reply;
    do_command(control, "SCRIPT KILL");
    if (redisGetReply(busy, &reply) != REDIS_OK) die("server: connection lost");
    freeReplyObject(reply);
    redisFree(busy);
}

double retry_amplification(struct lab *lab, const struct load *load,
                           const struct driver *driver)
{
    (void)load;
    (void)driver;
    const struct address *address = &lab->server.unix_address;
    const int             calls = lab->tiny ? OUTAGE_CALLS / 50 : OUTAGE_CALLS;
    struct victim         victims[OUTAGE_THREADS];
    struct hf_client     *client = ours_open(address, NULL, NULL);
    redisContext         *control = redis_connect(address);
    const long            before = arrived(control, "get");
    redisContext         *busy = begin_outage(address, control);

    for (int i = 0; i < OUTAGE_THREADS; i++) {
        victims[i] = (struct victim){ .client = client, .calls = calls };
        if (pthread_create(&victims[i].thread, NULL, suffer, &victims[i])) {
            die("cannot start a thread");
        }
    }
    for (int i = 0; i < OUTAGE_THREADS; i++) pthread_join(victims[i].thread, NULL);

    end_outage(busy, control);
    const long sent = arrived(control, "get") - before;
    redisFree(control);
    hf_client_close(client);
    return (double)sent / (OUTAGE_THREADS * calls);
}
