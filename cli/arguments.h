/* arguments.h - the command line, read into an invocation.
 *
 *     holdfast COMMAND [ARGUMENT...] [--flag value | --flag=value ...]
 *
 * Flags may stand anywhere; "--" ends them. Every option of the library is one, and wins
 * over the environment, which wins over the default. Passwords in argv are overwritten.
 *
 * Memory:   arguments_free() frees what parsing took, whether it succeeded or not.
 * Errors:   false after one line of complaint, with a suggestion where one is near. */

#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include "command.h"

enum what_to_show {
    SHOW_NOTHING, /* Run the command. */
    SHOW_HELP,    /* --help was there: of inv->command, or of all when it is NULL. */
    SHOW_VERSION,
};

/* Reads argv and the environment; of help and version only that they are wanted. */
bool arguments_parse(struct invocation *inv, int argc, char **argv, enum what_to_show *show);

void arguments_free(struct invocation *inv);

#endif
