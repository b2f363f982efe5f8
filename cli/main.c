#include "arguments.h"
#include "help.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static bool reader_has_gone(void)
{
    struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
    return poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

/* A reader that has gone, as in `holdfast help | head -1`, is no failure; a full disk is. An
 * earlier write may have failed, whose errno is not known any more. */
static enum exit_status finish_output(enum exit_status status)
{
    const int reason = fflush(stdout) ? errno : 0;
    if (!ferror(stdout) || reader_has_gone()) return status;
    complain("cannot write the output%s%s", reason ? ": " : "",
             reason ? strerror(reason) : "");
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
