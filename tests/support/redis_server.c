#include "support/redis_server.h"

#include "support/die.h"
#include "support/last_will.h"
#include "support/pipe_guard.h"
#include "support/wait.h"
#include "topology/folder.h"

#include <arpa/inet.h>
#include <core/rng.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGS_MAX = 64, PATH_SIZE = 100, BOUND_S = 30 };

struct redis_server {
    struct last_will will;
    pid_t            pid;
    int              port;
    int              tls_port;
    char            *password;
    char            *argv[ARGS_MAX + 1];
    int              argc;
    char             folder[PATH_SIZE];
    char             socket[PATH_SIZE + 8];
    char             log[PATH_SIZE + 8];
    char             unix_url[PATH_SIZE + 16];
    char             tcp_url[64];
};

static char *copy(const char *text)
{
    char *copied = strdup(text);
    if (!copied) die("redis-server: out of memory");
    return copied;
}

static void print_end_of_log(const struct redis_server *server)
{
    FILE *log = fopen(server->log, "re");
    if (!log) return;
    char line[512];
    if (fseek(log, -2000, SEEK_END) == 0 && !fgets(line, sizeof line, log)) rewind(log);
    while (fgets(line, sizeof line, log)) fprintf(stderr, "  | %s", line);
    fclose(log);
}

static _Noreturn void give_up(const struct redis_server *server, const char *why)
{
    print_end_of_log(server);
    die("redis-server in %s: %s", server->folder, why);
}

/* Below the range that the kernel gives to outgoing connections: a port stays free while its
 * server is down, between a kill and a restart. */
static int find_free_port(void)
{
    struct hf_rng rng = { hf_rng_seed() };
    for (int attempt = 0; attempt < 1000; attempt++) {
        const int          port = 10000 + (int)hf_rng_below(&rng, 20000);
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)port),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        const int          fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) die("redis-server: socket: %s", strerror(errno));
        const bool is_free = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
        close(fd);
        if (is_free) return port;
    }
    die("redis-server: no free port");
}

static void add(struct redis_server *server, const char *arg)
{
    if (server->argc == ARGS_MAX) die("redis-server: more than %d arguments", ARGS_MAX);
    server->argv[server->argc++] = copy(arg);
}

static void add_option(struct redis_server *server, const char *name, const char *value)
{
    add(server, name);
    add(server, value);
}

static void add_port(struct redis_server *server, const char *name, int port)
{
    char text[16];
    snprintf(text, sizeof text, "%d", port);
    add_option(server, name, text);
}

static void drop_args(struct redis_server *server)
{
    while (server->argc > 0) free(server->argv[--server->argc]);
    memset(server->argv, 0, sizeof server->argv);
}

static void make_args(struct redis_server *server, const struct redis_server_options *o)
{
    drop_args(server);
    server->port = o->tcp ? find_free_port() : 0;
    server->tls_port = o->tls ? find_free_port() : 0;
    snprintf(server->tcp_url, sizeof server->tcp_url, "redis://127.0.0.1:%d/0", server->port);

    add(server, "redis-server");
    add_option(server, "--bind", "127.0.0.1");
    add_port(server, "--port", server->port);
    if (o->tls) add_port(server, "--tls-port", server->tls_port);
    add_option(server, "--unixsocket", server->socket);
    add_option(server, "--dir", server->folder);
    add_option(server, "--save", "");
    add_option(server, "--enable-debug-command", "yes");
    if (o->password) add_option(server, "--requirepass", o->password);
    for (const char *const *arg = o->args; arg && *arg; arg++) add(server, *arg);
}

static void make_folder(struct redis_server *server)
{
    const char *base = getenv("TMPDIR");
    if (!base || strlen(base) > PATH_SIZE / 2) base = "/tmp";
    snprintf(server->folder, sizeof server->folder, "%s/hf-test-XXXXXX", base);
    if (!mkdtemp(server->folder)) die("mkdtemp %s: %s", server->folder, strerror(errno));
    snprintf(server->socket, sizeof server->socket, "%s/s", server->folder);
    snprintf(server->log, sizeof server->log, "%s/log", server->folder);
    snprintf(server->unix_url, sizeof server->unix_url, "unix://%s", server->socket);
}

void redis_server_spawn(struct redis_server *server)
{
    if (server->pid) die("redis-server: already running");
    const int log = open(server->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0) die("%s: %s", server->log, strerror(errno));

    server->pid = fork();
    if (server->pid < 0) die("redis-server: fork: %s", strerror(errno));
    if (server->pid == 0) {
        last_will_name(&server->will);
        setpgid(0, 0); /* Ctrl-C is for the test program; why no session: embedded.c. */
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        close_range(3, ~0U, 0);
        execvp(server->argv[0], server->argv);
        dprintf(STDERR_FILENO, "cannot run redis-server: %s\n", strerror(errno));
        _exit(127);
    }
    close(log);
}

/* Notices a server that has ended by itself. */
static bool is_running(struct redis_server *server)
{
    if (server->pid && waitpid(server->pid, NULL, WNOHANG) == server->pid) {
        server->pid = 0;
        last_will_forget(&server->will);
    }
    return server->pid != 0;
}

static redisContext *connect_to(struct redis_server *server)
{
    const struct timeval bound = { .tv_sec = BOUND_S };
    redisContext        *c = redisConnectUnixWithTimeout(server->socket, bound);
    if (!c || c->err || redisSetTimeout(c, bound) != REDIS_OK) {
        if (c) redisFree(c);
        return NULL;
    }
    if (server->password) {
        freeReplyObject(redisCommand(c, "AUTH %s", server->password));
    }
    return c;
}

/* An error such as NOAUTH is an answer; LOADING is not. */
static bool answers(struct redis_server *server)
{
    struct pipe_guard guard;
    pipe_guard_begin(&guard);
    redisContext *c = connect_to(server);
    redisReply   *reply = c ? redisCommand(c, "PING") : NULL;
    pipe_guard_end(&guard);
    const bool ready = reply && !(reply->type == REDIS_REPLY_ERROR &&
                                  strncmp(reply->str, "LOADING", 7) == 0);
    freeReplyObject(reply);
    if (c) redisFree(c);
    return ready;
}

static bool answers_or_ended(void *ctx)
{
    struct redis_server *server = ctx;
    return !is_running(server) || answers(server);
}

void redis_server_wait_ready(struct redis_server *server)
{
    if (!wait_until(answers_or_ended, server, hf_seconds(BOUND_S))) {
        give_up(server, "does not answer");
    }
    if (!server->pid) give_up(server, "ended by itself");
}

struct redis_server *redis_server_open(const struct redis_server_options *options)
{
    const struct redis_server_options defaults = { 0 };
    if (!options) options = &defaults;

    struct redis_server *server = calloc(1, sizeof *server);
    if (!server) die("redis-server: out of memory");
    if (options->password) server->password = copy(options->password);
    make_folder(server);
    last_will_open(&server->will, server->folder);

    /* Another process may take the port between our look and the server's bind. */
    const int attempts = options->tcp || options->tls ? 5 : 1;
    for (int i = 0; i < attempts && !server->pid; i++) {
        make_args(server, options);
        redis_server_spawn(server);
        if (!wait_until(answers_or_ended, server, hf_seconds(BOUND_S))) break;
    }
    redis_server_wait_ready(server);
    return server;
}

static void signal_and_reap(struct redis_server *server, int number)
{
    if (!is_running(server)) return;
    kill(server->pid, number);
    kill(server->pid, SIGCONT); /* One that is paused would never see a SIGTERM. */
    while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR) continue;
    server->pid = 0;
    last_will_forget(&server->will);
}

void redis_server_stop(struct redis_server *server)
{
    signal_and_reap(server, SIGTERM);
}

void redis_server_kill(struct redis_server *server)
{
    signal_and_reap(server, SIGKILL);
}

void redis_server_restart(struct redis_server *server)
{
    redis_server_kill(server);
    redis_server_spawn(server);
    redis_server_wait_ready(server);
}

void redis_server_pause(struct redis_server *server)
{
    int status = 0;
    if (!is_running(server)) die("redis-server: cannot pause, it is not running");
    kill(server->pid, SIGSTOP);
    while (waitpid(server->pid, &status, WUNTRACED) < 0 && errno == EINTR) continue;
    if (!WIFSTOPPED(status)) die("redis-server: ended instead of pausing");
}

void redis_server_resume(struct redis_server *server)
{
    if (is_running(server)) kill(server->pid, SIGCONT);
}

void redis_server_close(struct redis_server *server)
{
    if (!server) return;
    redis_server_kill(server);
    hf_folder_remove(AT_FDCWD, server->folder);
    last_will_close(&server->will);
    drop_args(server);
    free(server->password);
    free(server);
}

static redisReply *command(struct redis_server *server, const char *format, va_list args)
{
    struct pipe_guard guard;
    pipe_guard_begin(&guard);
    redisContext *c = connect_to(server);
    if (!c) give_up(server, "cannot connect");
    redisReply *reply = redisvCommand(c, format, args);
    if (!reply) give_up(server, c->errstr);
    pipe_guard_end(&guard);
    redisFree(c);
    return reply;
}

struct redisReply *redis_server_command(struct redis_server *server, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = command(server, format, args);
    va_end(args);
    return reply;
}

void redis_server_do(struct redis_server *server, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = command(server, format, args);
    va_end(args);
    if (reply->type == REDIS_REPLY_ERROR) die("%s: %s", format, reply->str);
    freeReplyObject(reply);
}

long long redis_server_info(struct redis_server *server, const char *field)
{
    char line_start[128];
    snprintf(line_start, sizeof line_start, "\n%s:", field);
    redisReply *reply = redis_server_command(server, "INFO everything");
    const char *found = reply->type == REDIS_REPLY_STRING ? strstr(reply->str, line_start)
                                                          : NULL;
    if (!found) die("INFO has no %s", field);
    const long long number = strtoll(found + strlen(line_start), NULL, 10);
    freeReplyObject(reply);
    return number;
}

const char *redis_server_folder(const struct redis_server *server)
{
    return server->folder;
}

const char *redis_server_socket(const struct redis_server *server)
{
    return server->socket;
}

const char *redis_server_unix_url(const struct redis_server *server)
{
    return server->unix_url;
}

const char *redis_server_tcp_url(const struct redis_server *server)
{
    return server->tcp_url;
}

int redis_server_port(const struct redis_server *server)
{
    return server->port;
}

int redis_server_tls_port(const struct redis_server *server)
{
    return server->tls_port;
}

pid_t redis_server_pid(const struct redis_server *server)
{
    return server->pid;
}
