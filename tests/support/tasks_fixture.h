/* tasks_fixture.h - a task manager on a real server of its own, and a look at its keys.
 *
 *     struct tasks_fixture f;
 *     tasks_fixture_open(&f, NULL);
 *     tasks_fixture_create(&f, "a");
 *     struct hf_task *task = tasks_fixture_claim(&f);
 *     tasks_fixture_close(&f);
 *
 * The handle is passive unless the options say otherwise: a test makes its own rounds.
 *
 * Threads:  as hf_tasks.
 * Memory:   counted: closing fails on a leak.
 * Errors:   what cannot fail in a sound tree fails the test. */

#ifndef HF_TESTS_TASKS_FIXTURE_H
#define HF_TESTS_TASKS_FIXTURE_H

#include "support/counting_allocator.h"
#include "support/redis_server.h"

#include <holdfast/holdfast.h>

struct tasks_fixture {
    struct counting_allocator memory;
    struct redis_server      *server;
    struct hf_tasks          *tasks;
    struct hf_error           error;
};

/* options NULL: a passive handle with short pauses before retries. */
void tasks_fixture_open(struct tasks_fixture *f, const struct hf_tasks_options *options);

/* The same with arguments for the server. */
void tasks_fixture_open_with(struct tasks_fixture *f, const struct hf_tasks_options *options,
                             const char *const *args);

/* Checks that the indexes and the records say the same, and closes. */
void tasks_fixture_close(struct tasks_fixture *f);

/* One more handle for the same tasks; at another address where url is given. */
struct hf_tasks *tasks_fixture_another(struct tasks_fixture          *f,
                                       const struct hf_tasks_options *options,
                                       const char                    *url);

/* A task of type "t" with this id. */
void tasks_fixture_create(struct tasks_fixture *f, const char *id);

/* The next task, with a lease of 30 s; NULL when there is none. */
struct hf_task *tasks_fixture_claim(struct tasks_fixture *f);

struct hf_task *tasks_fixture_get(struct tasks_fixture *f, const char *id);

enum hf_task_status tasks_fixture_status(struct tasks_fixture *f, const char *id);

/* What a command answers on the server, as text: a number, or a string; "" for nil. The
 * keys' prefix is "{tasks}:". Valid until the next call. */
const char *tasks_fixture_ask(struct tasks_fixture *f, const char *format, ...)
    HF_PRINTF(2, 3);

/* What a Lua script answers there, in the same way. */
const char *tasks_fixture_eval(struct tasks_fixture *f, const char *script);

/* Lets the lease of a task end, as if its time had passed, and recovers it. */
void tasks_fixture_expire(struct tasks_fixture *f, const char *id);

/* Fails the test unless statistics, indexes, queues and leases agree with the records. */
void tasks_fixture_check(struct tasks_fixture *f);

#endif
