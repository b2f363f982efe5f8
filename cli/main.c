#include "arguments.h"
#include "help.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define TEXT_OF(token)        #token
#define TEXT_OF_VALUE(symbol) TEXT_OF(symbol)

static enum exit_status run(const struct invocation *inv, enum what_to_show show)
{
    if (show == SHOW_VERSION) {
        puts("holdfast " TEXT_OF_VALUE(HOLDFAST_VERSION));
        return EXIT_OK;
    }
    if (show == SHOW_HELP) {
        if (inv->command) {
            help_command(inv->command);
        } else {
            help_overview();
        }
        return EXIT_OK;
    }
    return inv->command->run(inv);
}

/* A reader that has gone, as in `holdfast help | head -1`, is no failure; a full disk is. */
static enum exit_status finish_output(enum exit_status status)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    if (errno == EPIPE) return status;
    complain("cannot write the output: %s", strerror(errno));
    return EXIT_UNAVAILABLE;
}

int main(int argc, char **argv)
{
    struct invocation inv;
    enum what_to_show show = SHOW_NOTHING;
    enum exit_status  status = EXIT_USAGE;

    signal(SIGPIPE, SIG_IGN);
    if (arguments_parse(&inv, argc, argv, &show)) status = finish_output(run(&inv, show));
    arguments_free(&inv);
    return (int)status;
}
