#include "support/chaos.h"

#include <fcntl.h>
#include <holdfast/holdfast.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { THREADS = 4, WORK_MS_MAX = 20 };

/* Refuses a smaller token than it has seen; counts the first time only. */
static const char effect[] =
    "local seen = tonumber(redis.call('HGET', KEYS[1], 'token') or 0) "
    "if seen > tonumber(ARGV[1]) then return 'stale' end "
    "redis.call('HSET', KEYS[1], 'token', ARGV[1]) "
    "if redis.call('HSETNX', KEYS[1], 'done', ARGV[1]) == 1 then "
    "  redis.call('HINCRBY', KEYS[1], 'count', 1) "
    "end "
    "return 'done'";

struct station {
    struct hf_client *client;
    int               starts; /* One byte for each start of a handler. */
};

static hf_err have_effect(struct station *s, const struct hf_task *task, bool *is_stale)
{
    char key[HF_TASK_ID_MAX + 16], token[24];
    snprintf(key, sizeof key, "{tasks}:effect:%s", task->id);
    snprintf(token, sizeof token, "%" PRIu64, task->token);
    const struct hf_call  call = { .command_class = HF_COMMAND_IDEMPOTENT };
    const struct hf_bytes argv[] = { hf_str("EVAL"), hf_str(effect), hf_str("1"), hf_str(key),
                                     hf_str(token) };
    struct hf_reply      *reply;
    struct hf_bytes       answer;
    hf_err                err = hf_client_command(s->client, &call, argv, 5, &reply, NULL);
    if (err) return err;
    err = hf_reply_bytes(reply, &answer);
    *is_stale = !err && answer.size == strlen("stale");
    *is_stale = *is_stale && memcmp(answer.data, "stale", answer.size) == 0;
    hf_reply_free(reply);
    return err;
}

static enum hf_job_end handle(struct hf_job *job, void *ctx)
{
    struct station       *s = ctx;
    const struct hf_task *task = hf_job_task(job);
    bool                  is_stale = false;
    char                  token[24];
    if (write(s->starts, "s", 1) != 1) abort();
    poll(NULL, 0, (int)(task->token % WORK_MS_MAX)); /* This is the work. */
    while (have_effect(s, task, &is_stale)) {
        if (hf_job_check(job)) return HF_JOB_RELEASE;
        poll(NULL, 0, 20);
    }
    if (is_stale) return HF_JOB_RELEASE;
    snprintf(token, sizeof token, "%" PRIu64, task->token);
    return hf_job_result(job, hf_str(token)) ? HF_JOB_RETRY : HF_JOB_DONE;
}

bool chaos_is_worker(int argc, char **argv)
{
    return argc == 4 && strcmp(argv[1], "--worker") == 0;
}

int chaos_work(char **argv)
{
    const struct hf_worker_options options = { .threads = THREADS, .lease = hf_seconds(1) };
    struct hf_options             *settings;
    struct hf_tasks               *tasks;
    struct hf_worker              *worker;
    struct hf_error                error;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == 1 || hf_options_open(&settings)) return 1;
    hf_options_set_log(settings, HF_LOG_SILENT, NULL, NULL);
    hf_err err = hf_options_set(settings, "url", argv[2], &error);
    if (!err) err = hf_options_set(settings, "socket_timeout", "1", &error);
    if (!err) err = hf_tasks_open(settings, NULL, &tasks, &error);
    hf_options_close(settings);
    if (err) return 1;

    struct station station = { .client = hf_tasks_client(tasks),
                               .starts = open(argv[3], O_WRONLY | O_APPEND | O_CLOEXEC) };
    if (station.starts < 0) return 1;
    if (hf_worker_open(tasks, &options, handle, &station, &worker, &error)) return 1;
    for (;;) pause();
}
