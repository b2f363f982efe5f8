#include "json.h"
#include "session.h"

#include <inttypes.h>
#include <stdio.h>

enum { PREFIX, AGE, KEEP };

typedef hf_err (*change_fn)(struct hf_tasks *tasks, const struct hf_call *call,
                            const char *what, struct hf_error *error);

/* One after the other; what goes wrong with one keeps no other from its turn, unless Redis is
 * not there. */
static enum exit_status change_all(const struct invocation *inv, change_fn change,
                                   const char *done)
{
    struct session   s;
    enum exit_status worst = session_open(&s, inv, true);
    for (size_t i = 0; i < inv->arg_count && worst <= EXIT_MISS; i++) {
        const hf_err err = change(s.tasks, NULL, inv->args[i], &s.error);
        if (err) {
            const enum exit_status status = session_fail_for(&s, err, inv->args[i]);
            if (status > worst) worst = status;
        } else if (inv->json) {
            json_begin();
            json_text(done, inv->args[i]);
            json_end();
        } else {
            printf("%s %s\n", done, inv->args[i]);
        }
    }
    session_close(&s);
    return worst;
}

enum exit_status run_tasks_cancel(const struct invocation *inv)
{
    return change_all(inv, hf_tasks_cancel, "cancelled");
}

enum exit_status run_tasks_requeue(const struct invocation *inv)
{
    return change_all(inv, hf_tasks_requeue, "requeued");
}

enum exit_status run_tasks_pause(const struct invocation *inv)
{
    return change_all(inv, hf_tasks_pause, "paused");
}

enum exit_status run_tasks_resume(const struct invocation *inv)
{
    return change_all(inv, hf_tasks_resume, "resumed");
}

enum exit_status run_tasks_cleanup(const struct invocation *inv)
{
    struct session s;
    hf_duration    age = hf_seconds(10u * 365 * 24 * 3600);
    uint64_t       keep = UINT32_MAX, removed = 0;
    if (!inv->values[AGE] && !inv->values[KEEP]) {
        complain("tasks cleanup: say --age or --keep; see holdfast help tasks cleanup");
        return EXIT_USAGE;
    }
    if (!flag_duration(inv, AGE, &age)) return EXIT_USAGE;
    if (!flag_count(inv, KEEP, 0, UINT32_MAX, &keep)) return EXIT_USAGE;
    enum exit_status status = session_open(&s, inv, true);
    if (status == EXIT_OK) {
        const hf_err err = hf_tasks_cleanup(s.tasks, NULL, age, (uint32_t)keep, &removed,
                                            &s.error);
        if (err) status = session_fail(&s, err);
    }
    if (status == EXIT_OK && inv->json) {
        json_begin();
        json_count("removed", removed);
        json_end();
    } else if (status == EXIT_OK) {
        printf("%" PRIu64 " removed\n", removed);
    }
    session_close(&s);
    return status;
}
