/* command.h - what a command of the tool is, and what it is handed when it runs.
 *
 * commands.c has the one table of all commands; parsing, help and suggestions read it.
 *
 * Memory:   everything in an invocation lives until the command has returned.
 * Errors:   a command returns the exit status, after it has said what is wrong. */

#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <holdfast/options.h>
#include <stdbool.h>
#include <stddef.h>

enum exit_status {
    EXIT_OK = 0,
    EXIT_MISS = 1,        /* No such entry; warm, restore, verify: not all was good; demo: a
                           * promise was broken. */
    EXIT_USAGE = 2,       /* The command line, the environment or the input is wrong. */
    EXIT_UNAVAILABLE = 3, /* The cache could not be asked, or refused. */
};

enum { FLAGS_MAX = 10, VALUE_SIZE_MAX = 512 * 1024 * 1024 };

struct flag {
    const char *name;  /* "--ttl" */
    const char *value; /* What stands for its value in the help; NULL: it takes none. */
    const char *help;
};

struct invocation {
    const struct command *command;
    struct hf_options    *options; /* Environment and flags are in it. */
    bool                  json;
    char                **args;
    size_t                arg_count;
    const char           *values[FLAGS_MAX]; /* Of command->flags; NULL: not given. */
    bool                  url_given;         /* By a flag ... */
    bool                  url_embedded;      /* ... that asks for an embedded server. */
};

struct command {
    const char *name;
    const char *arguments;   /* "KEY [VALUE]" */
    const char *summary;     /* One line of the overview, without a full stop. */
    const char *description; /* Lines of the command's own help. */
    size_t      arg_min;
    size_t      arg_max;
    struct flag flags[FLAGS_MAX]; /* Ends early with name NULL. */
    enum exit_status (*run)(const struct invocation *inv);
};

/* Number index in the order of the overview; NULL past the end. */
const struct command *command_at(size_t index);

/* NULL when there is none of that name. */
const struct command *command_find(const char *name);

/* Whether its first argument names one of the commands of its group ... */
bool command_is_group(const struct command *command);

/* ... which are these: number index, NULL past the end; their names are of two words. */
const struct command *command_in_group(size_t index);

/* By the second word; NULL when there is none. */
const struct command *command_find_in_group(const char *word);

/* One line, "holdfast: ...", on standard error. */
void complain(const char *format, ...) HF_PRINTF(1, 2);

enum exit_status run_export(const struct invocation *inv);
enum exit_status run_get(const struct invocation *inv);
enum exit_status run_set(const struct invocation *inv);
enum exit_status run_del(const struct invocation *inv);
enum exit_status run_invalidate(const struct invocation *inv);
enum exit_status run_exists(const struct invocation *inv);
enum exit_status run_ttl(const struct invocation *inv);
enum exit_status run_ping(const struct invocation *inv);
enum exit_status run_health(const struct invocation *inv);
enum exit_status run_fingerprint(const struct invocation *inv);
enum exit_status run_warm(const struct invocation *inv);
enum exit_status run_usage(const struct invocation *inv);
enum exit_status run_backup(const struct invocation *inv);
enum exit_status run_restore(const struct invocation *inv);
enum exit_status run_verify(const struct invocation *inv);
enum exit_status run_tasks(const struct invocation *inv);
enum exit_status run_put(const struct invocation *inv);
enum exit_status run_fetch(const struct invocation *inv);
enum exit_status run_hot(const struct invocation *inv);
enum exit_status run_doctor(const struct invocation *inv);
enum exit_status run_explain(const struct invocation *inv);
enum exit_status run_stats(const struct invocation *inv);
enum exit_status run_top(const struct invocation *inv);
enum exit_status run_breaker(const struct invocation *inv);
enum exit_status run_demo(const struct invocation *inv);
enum exit_status run_help(const struct invocation *inv);

#endif
