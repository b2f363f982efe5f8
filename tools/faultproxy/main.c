/* holdfast-faultproxy: the tests' fault proxy for everyone's clients. See help(). */

#include "support/fault_proxy.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, FAULTS_MAX = 16, LINE_SIZE = 8192 };

struct settings {
    const char       *listen;
    const char       *to;
    const char       *faults[FAULTS_MAX];
    int               fault_count;
    struct fault_play play; /* kinds 0: no random play. */
    hf_duration       span; /* 0: until told to end. */
    bool              reads_stdin;
};

static const char usage_text[] =
    "usage: holdfast-faultproxy --listen ADDRESS --to ADDRESS [OPTION]...\n"
    "\n"
    "Stands between Redis clients and a server, and hurts them as told.\n"
    "An ADDRESS is unix:PATH or HOST:PORT; port 0 listens on any free one.\n"
    "\n"
    "  --listen ADDRESS   where clients connect\n"
    "  --to ADDRESS       the real server\n"
    "  --fault FAULT      a fault to begin with; may be given up to 16 times\n"
    "  --random KINDS     one fault after the other, of these kinds (a,b,c) or of all\n"
    "  --seed NUMBER      repeats a random play; without it one is chosen and printed\n"
    "  --calm TIME        longest time without a fault in a random play (2s)\n"
    "  --storm TIME       longest time with one (1s)\n"
    "  --for TIME         end after this time; else at SIGINT or SIGTERM\n"
    "  --stdin            also obey lines of standard input: a FAULT adds one, clear\n"
    "                     takes all away, close-all and reset-all end the open\n"
    "                     connections, counts prints them, end ends\n"
    "  --help             this\n"
    "\n"
    "A FAULT is KIND[:KEY=VALUE,...]. A TIME has a unit: 300us, 50ms, 2s.\n"
    "\n"
    "kinds that last:\n";

static const char keys_text[] =
    "\n"
    "keys:\n"
    "  direction=both|to-client|to-server  which bytes (both)\n"
    "  connection=N                        only the N-th connection (all)\n"
    "  delay=TIME jitter=TIME              for delay; delay= also for trickle\n"
    "  rate=BYTES                          for throttle, per second\n"
    "  after-messages=N after-bytes=N      strike after N whole commands or replies,\n"
    "                                      then N bytes, from now on (0)\n"
    "  times=N                             strike N times in all (once a connection)\n"
    "  end=close|reset|half-close          for cut (close)\n"
    "  data=BYTES                          for inject, last; with \\r \\n \\t \\\\ \\xHH\n"
    "\n"
    "examples:\n"
    "  holdfast-faultproxy --listen 127.0.0.1:7000 --to 127.0.0.1:6379 \\\n"
    "      --fault delay:delay=5ms,jitter=2ms\n"
    "  holdfast-faultproxy --listen unix:/tmp/p --to 127.0.0.1:6379 \\\n"
    "      --fault cut:direction=to-client,after-messages=100,after-bytes=3,end=reset\n"
    "  holdfast-faultproxy --listen 127.0.0.1:0 --to 127.0.0.1:6379 \\\n"
    "      --random delay,black-hole,cut --seed 42\n"
    "\n"
    "exit status: 0 ended as told, 1 cannot listen, 2 usage\n";

static void print_kinds(bool lasting)
{
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        if (fault_is_lasting((enum fault_kind)kind) != lasting) continue;
        printf("  %-11s %s\n", fault_name((enum fault_kind)kind),
               fault_help((enum fault_kind)kind));
    }
}

static void help(void)
{
    fputs(usage_text, stdout);
    print_kinds(true);
    puts("\nkinds that strike once in each connection:");
    print_kinds(false);
    fputs(keys_text, stdout);
}

static _Noreturn void refuse(const char *format, ...) HF_PRINTF(1, 2);

static void refuse(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("holdfast-faultproxy: ", stderr);
    vfprintf(stderr, format, args);
    fputs("; see --help\n", stderr);
    va_end(args);
    exit(EXIT_USAGE);
}

static hf_duration read_time(const char *option, const char *text)
{
    hf_duration span;
    if (!fault_parse_time(text, &span)) {
        refuse("--%s: '%s' is no time from 0 to 3600 s with a unit, such as 50ms", option,
               text);
    }
    return span;
}

static uint64_t read_seed(const char *text)
{
    char *end;
    errno = 0;
    const unsigned long long seed = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0) {
        refuse("--seed: '%s' is no number from 0 to 2^64-1", text);
    }
    return seed;
}

static unsigned read_kind(const char *name, size_t size)
{
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        const char *known = fault_name((enum fault_kind)kind);
        if (strlen(known) == size && memcmp(known, name, size) == 0) return 1u << kind;
    }
    refuse("--random: no kind is called '%.*s'", (int)size, name);
}

static unsigned read_kinds(const char *text)
{
    unsigned set = 0;
    if (strcmp(text, "all") == 0) return (1u << FAULT_KINDS) - 1;
    for (;;) {
        const size_t size = strcspn(text, ",");
        set |= read_kind(text, size);
        if (text[size] == '\0') return set;
        text += size + 1;
    }
}

static void add_fault(struct settings *s, const char *text)
{
    char         data[FAULT_DATA_MAX], why[FAULT_WHY_MAX];
    struct fault fault;
    if (s->fault_count == FAULTS_MAX) refuse("--fault: at most %d", FAULTS_MAX);
    if (!fault_parse(text, &fault, data, why)) refuse("--fault: %s", why);
    s->faults[s->fault_count++] = text;
}

static void read_arguments(struct settings *s, int argc, char **argv)
{
    static const struct option options[] = {
        { "listen", required_argument, NULL, 'l' },
        { "to", required_argument, NULL, 't' },
        { "fault", required_argument, NULL, 'f' },
        { "random", required_argument, NULL, 'r' },
        { "seed", required_argument, NULL, 's' },
        { "calm", required_argument, NULL, 'c' },
        { "storm", required_argument, NULL, 'm' },
        { "for", required_argument, NULL, 'u' },
        { "stdin", no_argument, NULL, 'i' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'l': s->listen = optarg; break;
        case 't': s->to = optarg; break;
        case 'f': add_fault(s, optarg); break;
        case 'r': s->play.kinds = read_kinds(optarg); break;
        case 's': s->play.seed = read_seed(optarg); break;
        case 'c': s->play.calm_max = read_time("calm", optarg); break;
        case 'm': s->play.storm_max = read_time("storm", optarg); break;
        case 'u': s->span = read_time("for", optarg); break;
        case 'i': s->reads_stdin = true; break;
        case 'h': help(); exit(0);
        default: exit(EXIT_USAGE); /* getopt has said why. */
        }
    }
    if (optind < argc) refuse("'%s' is no option", argv[optind]);
    if (!s->listen) refuse("--listen is missing");
    if (!s->to) refuse("--to is missing");
    if (s->play.kinds && s->fault_count == FAULTS_MAX) {
        refuse("--random needs room for one more fault: at most %d", FAULTS_MAX - 1);
    }
}

static void print_line(const char *format, ...) HF_PRINTF(1, 2);

static void print_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    putchar('\n');
    fflush(stdout);
    va_end(args);
}

static void tell(const struct fault *fault, void *ctx)
{
    (void)ctx;
    char text[256] = "calm";
    if (fault) fault_print(fault, text, sizeof text);
    print_line("%s", text);
}

static void print_counts(struct fault_proxy *proxy)
{
    const struct fault_counts c = fault_proxy_counts(proxy);
    print_line("connections=%" PRIu64 " open=%" PRIu64 " commands=%" PRIu64
               " replies=%" PRIu64 " bytes_to_server=%" PRIu64 " bytes_to_client=%" PRIu64
               " struck=%" PRIu64,
               c.accepted, c.open, c.commands, c.replies, c.bytes_to_server,
               c.bytes_to_client, c.struck);
}

struct control {
    struct fault_proxy *proxy;
    int                 fault_count; /* In force, the random one's place included. */
    char                line[LINE_SIZE];
    size_t              size;
    bool                ended;
};

static void set_fault(struct control *control, const char *text)
{
    char         data[FAULT_DATA_MAX], why[FAULT_WHY_MAX] = "too many faults: clear first";
    struct fault fault;
    if (control->fault_count == FAULTS_MAX || !fault_parse(text, &fault, data, why)) {
        print_line("error: %s", why);
        return;
    }
    fault_proxy_set(control->proxy, &fault);
    control->fault_count++;
    print_line("ok");
}

static void obey(struct control *control, const char *line)
{
    if (strcmp(line, "") == 0) return;
    if (strcmp(line, "end") == 0) {
        control->ended = true;
    } else if (strcmp(line, "counts") == 0) {
        print_counts(control->proxy);
    } else if (strcmp(line, "clear") == 0) {
        fault_proxy_clear(control->proxy);
        control->fault_count = 0;
        print_line("ok");
    } else if (strcmp(line, "close-all") == 0) {
        fault_proxy_cut(control->proxy, 0, FAULT_CLOSE);
        print_line("ok");
    } else if (strcmp(line, "reset-all") == 0) {
        fault_proxy_cut(control->proxy, 0, FAULT_RESET_END);
        print_line("ok");
    } else {
        set_fault(control, line);
    }
}

/* False at the end of input. A line that does not fit is dropped. */
static bool obey_stdin(struct control *control)
{
    char *const   line = control->line;
    const ssize_t size = read(STDIN_FILENO, line + control->size,
                              sizeof control->line - control->size);
    if (size <= 0) return size < 0 && errno == EINTR;
    control->size += (size_t)size;
    char *newline;
    while (!control->ended && (newline = memchr(line, '\n', control->size))) {
        const size_t used = (size_t)(newline - line) + 1;
        *newline = '\0';
        obey(control, line);
        memmove(line, line + used, control->size - used);
        control->size -= used;
    }
    if (control->size == sizeof control->line) {
        print_line("error: line longer than %d bytes", LINE_SIZE - 1);
        control->size = 0;
    }
    return true;
}

static void run(const struct settings *s, struct control *control, int signals)
{
    const hf_instant end = s->span.ns > 0 ? hf_later(hf_now(), s->span) : hf_never();
    struct pollfd    events[] = {
           { .fd = signals, .events = POLLIN },
           { .fd = s->reads_stdin ? STDIN_FILENO : -1, .events = POLLIN },
    };
    while (!control->ended && hf_before(hf_now(), end)) {
        const int64_t ms = hf_to_ms(hf_between(hf_now(), end)) + 1;
        if (poll(events, 2, ms < 1000000 ? (int)ms : 1000000) <= 0) continue;
        if (events[0].revents) return;
        if (events[1].revents && !obey_stdin(control)) events[1].fd = -1;
    }
}

static void begin(const struct settings *s, struct control *control)
{
    for (int i = 0; i < s->fault_count; i++) {
        char         data[FAULT_DATA_MAX], why[FAULT_WHY_MAX];
        struct fault fault;
        if (fault_parse(s->faults[i], &fault, data, why)) {
            fault_proxy_set(control->proxy, &fault);
        }
    }
    control->fault_count = s->fault_count + (s->play.kinds != 0);
    print_line("listening on %s for %s", fault_proxy_address(control->proxy), s->to);
    if (!s->play.kinds) return;
    print_line("random with --seed %" PRIu64, s->play.seed);
    fault_proxy_play(control->proxy, &s->play);
}

int main(int argc, char **argv)
{
    struct settings s = { .play = { .seed = hf_rng_seed(),
                                    .calm_max = hf_seconds(2),
                                    .storm_max = hf_seconds(1),
                                    .tell = tell } };
    read_arguments(&s, argc, argv);

    sigset_t ending; /* Blocked before the proxy's thread begins, so that it inherits it. */
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigprocmask(SIG_BLOCK, &ending, NULL);
    signal(SIGPIPE, SIG_IGN);
    const int signals = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);

    char           why[FAULT_WHY_MAX];
    struct control control = { .proxy = fault_proxy_open(s.listen, s.to, why) };
    if (!control.proxy || signals < 0) {
        fprintf(stderr, "holdfast-faultproxy: %s\n", control.proxy ? "no signalfd" : why);
        return 1;
    }
    begin(&s, &control);
    run(&s, &control, signals);
    fault_proxy_clear(control.proxy);
    print_counts(control.proxy);
    fault_proxy_close(control.proxy);
    close(signals);
    return 0;
}
