#include "json.h"
#include "session.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { GET_PREFIX, GET_PAYLOAD, GET_RESULT };
enum { LIST_PREFIX, LIST_STATUS, LIST_TYPE, LIST_OWNER, LIST_PRIORITY, LIST_LIMIT };
enum { LIST_DEFAULT = 100, LIST_MAX = 1000000 };

static void print_bytes(struct hf_bytes bytes)
{
    fwrite(bytes.data, 1, bytes.size, stdout);
    if (isatty(STDOUT_FILENO)) putchar('\n');
}

static enum exit_status get(struct session *s)
{
    struct hf_task *task;
    const hf_err    err = hf_tasks_get(s->tasks, NULL, s->inv->args[0], &task, &s->error);
    if (err) return session_fail_for(s, err, s->inv->args[0]);
    if (s->inv->values[GET_PAYLOAD]) {
        print_bytes(task->payload);
    } else if (s->inv->values[GET_RESULT]) {
        print_bytes(task->result);
    } else {
        show_task(s->inv, task);
    }
    hf_task_free(task);
    return EXIT_OK;
}

enum exit_status run_tasks_get(const struct invocation *inv)
{
    struct session s;
    if (inv->values[GET_PAYLOAD] && inv->values[GET_RESULT]) {
        complain("--payload and --result contradict each other");
        return EXIT_USAGE;
    }
    enum exit_status status = session_open(&s, inv, true);
    if (status == EXIT_OK) status = get(&s);
    session_close(&s);
    return status;
}

static bool read_filter(const struct invocation *inv, struct hf_task_filter *filter)
{
    const char *status = inv->values[LIST_STATUS];
    filter->type = inv->values[LIST_TYPE];
    filter->owner = inv->values[LIST_OWNER];
    filter->by_priority = inv->values[LIST_PRIORITY] != NULL;
    filter->by_status = status != NULL;
    if (!flag_priority(inv, LIST_PRIORITY, &filter->priority)) return false;
    if (!status || hf_task_status_parse(status, &filter->status) == HF_OK) return true;
    complain(
        "--status: \"%s\" is not understood; allowed: pending, running, success, failure "
        "or cancelled",
        status);
    return false;
}

static enum exit_status list(struct session *s, const struct hf_task_filter *filter,
                             uint64_t limit)
{
    char cursor[HF_TASK_CURSOR_MAX] = "";
    do {
        struct hf_task_list *page;
        const size_t         most = limit < HF_TASK_PAGE_MAX ? limit : HF_TASK_PAGE_MAX;
        const hf_err         err = hf_tasks_list(s->tasks, NULL, filter, most, cursor, &page,
                                                 &s->error);
        if (err) return session_fail(s, err);
        for (size_t i = 0; i < page->count; i++) show_task_line(s->inv, page->tasks[i]);
        limit -= page->count;
        hf_task_list_free(page);
    } while (*cursor && limit > 0);
    return EXIT_OK;
}

enum exit_status run_tasks_list(const struct invocation *inv)
{
    struct hf_task_filter filter = { 0 };
    struct session        s;
    uint64_t              limit = LIST_DEFAULT;
    if (!read_filter(inv, &filter)) return EXIT_USAGE;
    if (!flag_count(inv, LIST_LIMIT, 1, LIST_MAX, &limit)) return EXIT_USAGE;
    enum exit_status status = session_open(&s, inv, true);
    if (status == EXIT_OK) status = list(&s, &filter, limit);
    session_close(&s);
    return status;
}

static const enum hf_task_priority by_rank[] = { HF_TASK_HIGH, HF_TASK_NORMAL, HF_TASK_LOW };

_Static_assert(sizeof by_rank / sizeof by_rank[0] == HF_TASK_PRIORITIES, "each once");

static void show_stats_json(const struct hf_task_stats *stats)
{
    json_begin();
    for (unsigned i = 0; i < HF_TASK_STATUSES; i++) {
        json_count(hf_task_status_name((enum hf_task_status)i), stats->by_status[i]);
    }
    for (unsigned i = 0; i < HF_TASK_PRIORITIES; i++) {
        json_count(hf_task_priority_name(by_rank[i]), stats->by_priority[by_rank[i]]);
    }
    json_number("overdue_seconds", (double)stats->overdue.ns / 1e9);
    json_count("leases", stats->leases);
    json_count("recovered", stats->recovered);
    json_count("mended", stats->mended);
    json_count("set_aside", stats->set_aside);
    json_end();
}

static void show_type(const struct hf_task_type_stats *type)
{
    bool is_first = true;
    printf("%s%s:", type->type, type->is_paused ? " (paused)" : "");
    for (unsigned i = 0; i < HF_TASK_STATUSES; i++) {
        uint64_t count = 0;
        for (unsigned p = 0; p < HF_TASK_PRIORITIES; p++) count += type->count[i][p];
        if (count == 0) continue;
        printf("%s %" PRIu64 " %s", is_first ? "" : ",", count,
               hf_task_status_name((enum hf_task_status)i));
        is_first = false;
    }
    putchar('\n');
}

static void show_stats(const struct hf_task_stats *stats)
{
    for (unsigned i = 0; i < HF_TASK_STATUSES; i++) {
        printf("%-10s%" PRIu64 "\n", hf_task_status_name((enum hf_task_status)i),
               stats->by_status[i]);
    }
    for (unsigned i = 0; i < HF_TASK_PRIORITIES; i++) {
        printf("%-10s%" PRIu64 "\n", hf_task_priority_name(by_rank[i]),
               stats->by_priority[by_rank[i]]);
    }
    printf("%-10s%" PRIu64 "\n", "recovered", stats->recovered);
    if (stats->set_aside) printf("%-10s%" PRIu64 "\n", "damaged", stats->set_aside);
    if (stats->type_count) putchar('\n');
    for (size_t i = 0; i < stats->type_count; i++) show_type(&stats->types[i]);
}

enum exit_status run_tasks_stats(const struct invocation *inv)
{
    struct session        s;
    struct hf_task_stats *stats;
    enum exit_status      status = session_open(&s, inv, true);
    if (status == EXIT_OK) {
        const hf_err err = hf_tasks_stats(s.tasks, NULL, &stats, &s.error);
        if (err) {
            status = session_fail(&s, err);
        } else {
            (inv->json ? show_stats_json : show_stats)(stats);
            hf_task_stats_free(stats);
        }
    }
    session_close(&s);
    return status;
}
