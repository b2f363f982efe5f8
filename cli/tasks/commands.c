#include "session.h"

#include <stdint.h>
#include <string.h>

/* clang-format off */

#define PREFIX { "--prefix", "PREFIX", "which tasks: of this key prefix; default tasks" }

static const struct command commands[] = {
    { "tasks create", "TYPE [PAYLOAD|-]", "add a task",
      "Prints the id. The payload is the argument, or standard input when it is -, or a\n"
      "file. With --id or --unique the task that there is already is left as it is, and its\n"
      "id printed.\n\n"
      "  holdfast tasks create render --file page.svg --priority high\n"
      "  holdfast tasks create report '{\"year\":2026}' --unique report-2026 --delay 1h",
      1, 2,
      { PREFIX,
        { "--id", "ID", "letters, digits and . _ : -; default: a new one" },
        { "--priority", "PRIORITY", "high, normal or low" },
        { "--owner", "OWNER", "whose it is" },
        { "--unique", "KEY", "at most one live task with this key" },
        { "--delay", "DURATION", "not before that has passed: 30, 10min, 1.5h" },
        { "--retries", "N", "failures before it is dead; default 3" },
        { "--metadata", "TEXT", "kept with it" },
        { "--file", "PATH", "take the payload from this file" } },
      run_tasks_create },
    { "tasks get", "ID", "print a task",
      "Prints what is known of it. Exits with 1 when there is no such task.",
      1, 1,
      { PREFIX,
        { "--payload", NULL, "print the payload as it is, and nothing else" },
        { "--result", NULL, "print the result as it is, and nothing else" } },
      run_tasks_get },
    { "tasks list", "", "list tasks, the newest first",
      "One line each: id, status, priority, progress, type. With --json one object each.",
      0, 0,
      { PREFIX,
        { "--status", "STATUS", "pending, running, success, failure or cancelled" },
        { "--type", "TYPE", "of this type" },
        { "--owner", "OWNER", "of this owner" },
        { "--priority", "PRIORITY", "high, normal or low" },
        { "--limit", "N", "at most so many; default 100" } },
      run_tasks_list },
    { "tasks watch", "ID", "follow a task to its end",
      "Prints each change, on a terminal as a bar. Exits with 0 when it ends in success,\n"
      "with 1 when it ends otherwise or there is none.",
      1, 1, { PREFIX }, run_tasks_watch },
    { "tasks cancel", "ID...", "cancel tasks",
      "Those that run are told at their worker's next heartbeat. Exits with 1 when one is\n"
      "not there or has ended.",
      1, SIZE_MAX, { PREFIX }, run_tasks_cancel },
    { "tasks requeue", "ID...", "let dead or cancelled tasks run again",
      "Their retries are counted anew. Exits with 1 when one is not there or not dead.",
      1, SIZE_MAX, { PREFIX }, run_tasks_requeue },
    { "tasks pause", "TYPE...", "let no task of a type begin",
      "Those that run go on.",
      1, SIZE_MAX, { PREFIX }, run_tasks_pause },
    { "tasks resume", "TYPE...", "let tasks of a type begin again",
      "The opposite of pause.",
      1, SIZE_MAX, { PREFIX }, run_tasks_resume },
    { "tasks stats", "", "count tasks by status, priority and type",
      "Costs by the number of types, not of tasks.",
      0, 0, { PREFIX }, run_tasks_stats },
    { "tasks cleanup", "", "remove finished tasks",
      "Removes those that ended longer ago than --age, and of each status the oldest above\n"
      "--keep. One of the two is needed.",
      0, 0,
      { PREFIX,
        { "--age", "DURATION", "remove what ended longer ago: 30, 10min, 24h" },
        { "--keep", "N", "keep so many of each status" } },
      run_tasks_cleanup },
    { "tasks work", "", "run a command for each task",
      "The payload is its standard input. Lines on its standard output tell the progress:\n"
      "\"40% drawing\", \"0.4\" or only a message. What it writes to descriptor 3 is the\n"
      "result. Exit status 0 is success, 65 a failure for good, any other a failure that is\n"
      "tried again. HOLDFAST_TASK_ID, _TYPE, _TOKEN and _STARTS are in its environment.\n\n"
      "A task that is cancelled or takes too long gets SIGTERM, and SIGKILL 5 s later.\n"
      "SIGINT or SIGTERM end the work: what runs may finish within --grace, or is released;\n"
      "a second signal ends it at once.\n\n"
      "  holdfast tasks work --type render --exec 'convert svg:- png:fd:3'",
      0, 0,
      { PREFIX,
        { "--exec", "COMMAND", "run by sh -c" },
        { "--type", "TYPE[,TYPE...]", "only tasks of these types" },
        { "--threads", "N", "tasks at a time; default 1" },
        { "--task-timeout", "DURATION", "longest time for one; default: no limit" },
        { "--lease", "DURATION", "recovered so long after a crash; default 30" },
        { "--grace", "DURATION", "for what runs when the work ends; default 30" },
        { "--drain", NULL, "end when no task is pending or running" } },
      run_tasks_work },
};

/* clang-format on */

enum { COMMANDS = sizeof commands / sizeof commands[0] };

bool command_is_group(const struct command *command)
{
    return command->run == run_tasks;
}

const struct command *command_in_group(size_t index)
{
    return index < COMMANDS ? &commands[index] : NULL;
}

const struct command *command_find_in_group(const char *word)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name + strlen("tasks "), word) == 0) return &commands[i];
    }
    return NULL;
}

/* Never called: its first argument is taken for one of the commands above. */
enum exit_status run_tasks(const struct invocation *inv)
{
    (void)inv;
    return EXIT_USAGE;
}
