#include "support/embedded.h"

#include "core/alloc.h"
#include "support/die.h"
#include "support/pipe_guard.h"
#include "support/process.h"
#include "support/test.h"
#include "support/wait.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const hf_duration embedded_bound = { INT64_C(20) * 1000000000 };

static redisContext *try_to_connect(const char *socket)
{
    const struct timeval bound = { .tv_sec = 10 };
    redisContext        *c = redisConnectUnixWithTimeout(socket, bound);
    if (c && !c->err && redisSetTimeout(c, bound) == REDIS_OK) return c;
    if (c) redisFree(c);
    return NULL;
}

/* Redis's process id, asked of itself; 0 while it does not answer or is loading. */
static pid_t redis_pid(const char *socket)
{
    struct pipe_guard guard;
    pipe_guard_begin(&guard);
    redisContext *c = try_to_connect(socket);
    redisReply   *reply = c ? redisCommand(c, "INFO everything") : NULL;
    pid_t         pid = 0;
    pipe_guard_end(&guard);
    if (reply && reply->type == REDIS_REPLY_STRING && strstr(reply->str, "\nloading:0")) {
        const char *found = strstr(reply->str, "process_id:");
        if (found) pid = (pid_t)strtol(found + strlen("process_id:"), NULL, 10);
    }
    freeReplyObject(reply);
    if (c) redisFree(c);
    return pid;
}

static bool redis_answers(void *ctx)
{
    return redis_pid(ctx) != 0;
}

char *redis_command(const char *socket, const char *text)
{
    redisContext *c = try_to_connect(socket);
    assert_non_null(c);
    redisReply *reply = redisCommand(c, text);
    assert_non_null(reply);
    char *answer = reply->str ? strdup(reply->str) : NULL;
    freeReplyObject(reply);
    redisFree(c);
    return answer;
}

struct sight embedded_look(const char *socket)
{
    struct sight sight = { 0 };
    snprintf(sight.socket, sizeof sight.socket, "%s", socket);
    snprintf(sight.run_folder, sizeof sight.run_folder, "%s", socket);
    *strrchr(sight.run_folder, '/') = '\0';
    assert_true(wait_until(redis_answers, sight.socket, embedded_bound));
    sight.redis = redis_pid(socket);
    sight.keeper = (pid_t)process_number(sight.redis, "PPid:");
    return sight;
}

void assert_all_gone(struct sight *sight)
{
    assert_true(wait_until(process_is_gone, &sight->redis, embedded_bound));
    assert_true(wait_until(process_is_gone, &sight->keeper, embedded_bound));
    assert_true(wait_until(path_is_gone, sight->run_folder, embedded_bound));
}

struct hf_embedded *embedded_start(const char *folder)
{
    struct hf_embedded *server = NULL;
    struct hf_error     error = { 0 };
    if (hf_embedded_start(&hf_allocator_default, folder, &server, &error)) {
        fail_msg("%s", error.detail);
    }
    return server;
}

pid_t embedded_start_host(const char *folder, void (*then)(void),
                          char        socket[SOCKET_PATH_MAX])
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const pid_t host = fork();
    if (host == 0) {
        struct hf_embedded *server;
        struct hf_error     error;
        if (hf_embedded_start(&hf_allocator_default, folder, &server, &error)) {
            die("%s", error.detail);
        }
        const char *path = hf_embedded_socket(server);
        if (write(ends[1], path, strlen(path) + 1) < 0) die("no pipe");
        then();
        _exit(0);
    }
    close(ends[1]);
    const ssize_t size = read(ends[0], socket, SOCKET_PATH_MAX - 1);
    close(ends[0]);
    assert_true(size > 0);
    socket[size] = '\0';
    return host;
}

bool redis_is_the_same(void *ctx)
{
    const struct sight *sight = ctx;
    return redis_pid(sight->socket) == sight->redis;
}

bool redis_is_another(void *ctx)
{
    const struct sight *sight = ctx;
    const pid_t         pid = redis_pid(sight->socket);
    return pid != 0 && pid != sight->redis;
}
