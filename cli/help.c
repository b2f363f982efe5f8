#include "help.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_WIDTH = 78 };

void help_wrapped(const char *text, int indent)
{
    int column = indent;
    while (*text != '\0') {
        const int word = (int)strcspn(text, " ");
        if (column > indent && column + 1 + word > TEXT_WIDTH) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", word, text);
        column += word;
        text += word + (text[word] == ' ');
    }
    putchar('\n');
}

/* "  left         right, wrapped": a left side too long gets a line of its own. */
static void put_row(const char *left, int indent, const char *right)
{
    const int width = printf("  %s", left);
    if (width + 2 > indent) {
        printf("\n%*s", indent, "");
    } else {
        printf("%*s", indent - width, "");
    }
    help_wrapped(right, indent);
}

void help_overview(void)
{
    puts("holdfast - a Redis cache that does not take you down with it\n\n"
         "usage: holdfast COMMAND [ARGUMENT...] [OPTION...]\n");
    const struct command *c;
    for (size_t i = 0; (c = command_at(i)); i++) {
        char left[40];
        snprintf(left, sizeof left, "%s %s", c->name, c->arguments);
        put_row(left, 26, c->summary);
    }
    puts("\noptions of every command");
    put_row("--url URL", 26,
            "redis://, rediss://, unix: or embedded:; default REDIS_URL, "
            "else redis://127.0.0.1:6379/0");
    put_row("--json", 26, "one JSON object on one line");
    put_row("--password-file FILE", 26, "log in with the first line of FILE");
    put_row("--ask-password", 26, "log in with a password typed on the terminal");
    put_row("--help", 26, "help on the command");
    put_row("--version", 26, "which version this is");
    puts("\nexit status: 0 ok, 1 no such entry, 2 wrong usage, 3 Redis unavailable\n\n"
         "Start with:           holdfast demo\n"
         "All about settings:   holdfast help options");
}

static void put_group(void)
{
    const struct command *c;
    puts("\ncommands");
    for (size_t i = 0; (c = command_in_group(i)); i++) {
        char left[40];
        snprintf(left, sizeof left, "%s %s", c->name, c->arguments);
        put_row(left, 26, c->summary);
    }
}

void help_command(const struct command *command)
{
    printf("usage: holdfast %s%s%s [OPTION...]\n\n%s\n", command->name,
           command->arguments[0] ? " " : "", command->arguments, command->description);
    if (command_is_group(command)) put_group();
    if (command->flags[0].name) puts("\noptions");
    for (size_t i = 0; i < FLAGS_MAX && command->flags[i].name; i++) {
        const struct flag *flag = &command->flags[i];
        char               left[40];
        snprintf(left, sizeof left, "%s%s%s", flag->name, flag->value ? " " : "",
                 flag->value ? flag->value : "");
        put_row(left, 26, flag->help);
    }
    puts("\n--url, --json and more work with every command: holdfast help options");
}

static void put_option(const struct hf_option_info *option)
{
    char text[160];
    if (option->flag) {
        printf("  %s %s\n", option->flag, option->kind);
    } else {
        printf("  %s: --password-file FILE, --ask-password\n", option->name);
    }
    printf("      ");
    help_wrapped(option->help, 6);
    const char *value = option->default_value[0] ? option->default_value : "none";
    snprintf(text, sizeof text, "%s; default %s; %s%s", option->range, value, option->env,
             option->in_url ? "; also in the URL" : "");
    printf("      ");
    help_wrapped(text, 6);
    putchar('\n');
}

void help_options(void)
{
    puts("OPTIONS\n"
         "  Each can be given in four places; the first one found counts:\n\n"
         "  1. a flag                     holdfast get KEY --socket-timeout 0.25\n"
         "  2. a parameter of --url       redis://cache/0?socket_timeout=0.25\n"
         "  3. the environment            REDIS_SOCKET_TIMEOUT=0.25\n"
         "  4. the default\n\n"
         "  A duration is in seconds or has a unit: 0.25, 250ms, 2min, 1.5h.\n"
         "  A size is in bytes or has a unit of 1024: 512, 64kb, 1.5mb, 2gb.\n"
         "  A switch is true or false; --retry-on-timeout and --no-retry-on-timeout do "
         "too.\n\n"
         "URL\n"
         "  redis://[[user]:password@]host[:port][/db][?option=value&...]\n"
         "  rediss://...                         the same over TLS\n"
         "  unix:/path/to/socket[?db=2]          a unix socket\n"
         "  embedded:                            a private server, gone with the command\n"
         "  embedded:/folder                     a private server that keeps its data "
         "there\n\n"
         "  User, password and path may hold percent escapes: @ is %40, / is %2F.\n"
         "  An IPv6 address stands in brackets: redis://[::1]:6379/0\n\n"
         "PASSWORDS\n"
         "  Give them in REDIS_URL, REDIS_PASSWORD, a --password-file that only you can\n"
         "  read, or type them with --ask-password. One in --url is overwritten in the\n"
         "  process list as soon as it was read, but your shell may remember it. None is\n"
         "  ever printed.\n\n"
         "ALL OPTIONS");
    const struct hf_option_info *option;
    for (size_t i = 0; (option = hf_option_at(i)); i++) put_option(option);
    puts("EXIT STATUS\n"
         "  0  ok\n"
         "  1  there is no such entry\n"
         "  2  the command line, the environment or the input is wrong; nothing was done\n"
         "  3  Redis could not be asked in time, or refused");
}
