#include "help.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_MAX = 78, WIDTH_MIN = 20, LEFT = 26, LEFT_NARROW = 6, NARROW = 60 };

/* Of the terminal, if it is one. */
static int text_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return WIDTH_MAX;
    if (size.ws_col > WIDTH_MAX) return WIDTH_MAX;
    return size.ws_col > WIDTH_MIN ? size.ws_col - 1 : WIDTH_MIN;
}

/* Writes the words from that column on; gives the column behind them. */
static int flow(const char *text, size_t size, int indent, int column)
{
    const int   width = text_width();
    const char *end = text + size;
    while (text < end) {
        int word = (int)strcspn(text, " \n");
        if (word > end - text) word = (int)(end - text);
        if (column > indent && column + 1 + word > width) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", word, text);
        column += word;
        text += word;
        if (text < end) text++;
    }
    return column;
}

void help_wrapped(const char *text, int indent)
{
    flow(text, strlen(text), indent, indent);
    putchar('\n');
}

/* Lines that are empty or begin with a space stay as they are, the others flow. */
static void put_text(const char *text)
{
    int column = 0;
    while (*text != '\0') {
        const size_t size = strcspn(text, "\n");
        if (size > 0 && *text != ' ') {
            column = flow(text, size, 0, column);
        } else {
            printf("%s%.*s\n", column ? "\n" : "", (int)size, text);
            column = 0;
        }
        text += size + (text[size] == '\n');
    }
    if (column) putchar('\n');
}

/* "  left         right, wrapped": a left side too long gets a line of its own. */
static void put_row(const char *left, const char *right)
{
    const int indent = text_width() < NARROW ? LEFT_NARROW : LEFT;
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
        put_row(left, c->summary);
    }
    puts("\noptions of every command");
    put_row("--url URL", "redis://, rediss://, unix: or embedded:; default REDIS_URL, "
                         "else redis://127.0.0.1:6379/0");
    put_row("--json", "one JSON object on one line");
    put_row("--password-file FILE", "log in with the first line of FILE");
    put_row("--ask-password", "log in with a password typed on the terminal");
    put_row("--help", "help on the command");
    put_row("--version", "which version this is");
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
        put_row(left, c->summary);
    }
}

void help_command(const struct command *command)
{
    printf("usage: holdfast %s%s%s [OPTION...]\n\n", command->name,
           command->arguments[0] ? " " : "", command->arguments);
    put_text(command->description);
    if (command_is_group(command)) put_group();
    if (command->flags[0].name) puts("\noptions");
    for (size_t i = 0; i < FLAGS_MAX && command->flags[i].name; i++) {
        const struct flag *flag = &command->flags[i];
        char               left[40];
        snprintf(left, sizeof left, "%s%s%s", flag->name, flag->value ? " " : "",
                 flag->value ? flag->value : "");
        put_row(left, flag->help);
    }
    putchar('\n');
    help_wrapped("--url, --json and more work with every command: holdfast help options", 0);
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
         "  A switch is true or false, or --retry-on-timeout, --no-retry-on-timeout.\n\n"
         "URL\n"
         "  redis://[[user]:password@]host[:port][/db][?option=value&...]\n"
         "  rediss://...                         the same over TLS\n"
         "  unix:/path/to/socket[?db=2]          a unix socket\n"
         "  embedded:                            a private server, gone with the command\n"
         "  embedded:/folder                     a private server with its data there\n\n"
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
