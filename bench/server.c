#include "server.h"

#include "die.h"
#include "port.h"
#include "redis.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { READY_TRIES = 2000, READY_PAUSE_MS = 5, START_TRIES = 5 };

static void redis_exec(const struct server *server)
{
    char port[16], tls_port[16];
    char log[128];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(port, sizeof port, "%d", server->tcp_address.port);
    snprintf(tls_port, sizeof tls_port, "%d", server->tls_address.port);
    snprintf(log, sizeof log, "%s/log", server->folder);
    execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1",
           "--unixsocket", server->path, "--dir", server->folder, "--logfile", log, "--save",
           "", "--appendonly", "no", "--tls-port", tls_port, "--tls-cert-file",
           server->certificate, "--tls-key-file", server->key, "--tls-ca-cert-file",
           server->certificate, "--tls-auth-clients", "no", (char *)NULL);
    _exit(127);
}

/* Until the server or the benchmark ends. A process group of its own keeps Ctrl-C in a
 * terminal away from it. Not a session: Linux shares the processor between sessions first
 * (autogroups), and with the server in another one all figures are different. */
static void keep(const struct server *server, int leash)
{
    char log[128];
    setpgid(0, 0);
    const pid_t redis = fork();
    if (redis == 0) redis_exec(server);
    if (redis > 0) {
        struct pollfd ends[] = { { leash, POLLIN, 0 }, { pidfd_open(redis, 0), POLLIN, 0 } };
        while (poll(ends, 2, -1) < 0) {
        }
        kill(redis, SIGKILL);
        waitpid(redis, NULL, 0);
    }
    snprintf(log, sizeof log, "%s/log", server->folder);
    unlink(log);
    unlink(server->certificate);
    unlink(server->key);
    unlink(server->path);
    rmdir(server->folder);
    _exit(0);
}

static void keeper_start(struct server *server)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) die("pipe: no descriptors left");
    server->keeper = fork();
    if (server->keeper < 0) die("fork: the system refuses");
    if (server->keeper == 0) {
        close(ends[1]);
        keep(server, ends[0]);
    }
    close(ends[0]);
    server->leash = ends[1];
}

static bool ask(struct server *server)
{
    redisContext *redis = redis_try_connect(&server->unix_address);
    if (!redis) return false;
    server->redis = (pid_t)redis_info_number(redis, "process_id");
    redis_info_text(redis, "redis_version", server->version, sizeof server->version);
    redisFree(redis);
    return server->redis > 0;
}

static bool wait_ready(struct server *server)
{
    const struct timespec pause = { 0, READY_PAUSE_MS * 1000000 };
    for (int i = 0; i < READY_TRIES; i++) {
        if (ask(server)) return true;
        if (access(server->folder, F_OK)) return false;
        nanosleep(&pause, NULL);
    }
    return false;
}

static void make_certificate(struct server *server)
{
    char command[512];
    snprintf(server->certificate, sizeof server->certificate, "%s/crt", server->folder);
    snprintf(server->key, sizeof server->key, "%s/key", server->folder);
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
             "-keyout %s -out %s -days 2 -subj /CN=bench -addext "
             "subjectAltName=IP:127.0.0.1 2>/dev/null",
             server->key, server->certificate);
    if (system(command)) die("openssl cannot make a certificate; is it installed?");
    server->tls_address.ca_file = server->certificate;
}

static bool server_try(struct server *server)
{
    const char *parent = getenv("TMPDIR");
    *server = (struct server){ .tcp_address = { .port = port_free() },
                               .tls_address = { .port = port_free() } };
    snprintf(server->folder, sizeof server->folder, "%s/hf-bench-XXXXXX",
             parent && strlen(parent) < 40 ? parent : "/tmp");
    if (!mkdtemp(server->folder)) die("%s: cannot make a folder there", server->folder);
    snprintf(server->path, sizeof server->path, "%s/socket", server->folder);
    server->unix_address.unix_path = server->path;
    make_certificate(server);
    keeper_start(server);
    if (wait_ready(server)) return true;
    server_stop(server);
    return false;
}

void server_start(struct server *server)
{
    if (system("redis-server --version >/dev/null 2>&1")) {
        die("redis-server cannot be run; install it: apt-get install redis-server");
    }
    /* Somebody else may take the free port first: then the server ends at once. */
    for (int i = 0; i < START_TRIES; i++) {
        if (server_try(server)) return;
    }
    die("redis-server does not come up");
}

void server_stop(struct server *server)
{
    close(server->leash);
    waitpid(server->keeper, NULL, 0);
}
