/* redis_server.h - a real redis-server of one's own, in a private folder, to be hurt at will.
 *
 *     struct redis_server *server = redis_server_open(NULL);
 *     ... connect to redis_server_url(server) ...
 *     redis_server_pause(server);       hangs
 *     redis_server_resume(server);
 *     redis_server_restart(server);     killed, and back with the same addresses
 *     redis_server_close(server);
 *
 * It listens on a unix socket, and where asked on TCP ports of 127.0.0.1 that were free. It
 * goes, and its folder with it, when the test program goes, however that happens.
 *
 * Threads:  one at a time per server.
 * Time:     what waits for the server does so for at most 30 s.
 * Errors:   a server that will not start or answer is a broken test machine: says why on
 *           standard error, with the end of the server's log, and aborts. */

#ifndef HF_TESTS_REDIS_SERVER_H
#define HF_TESTS_REDIS_SERVER_H

#include <holdfast/api.h>
#include <stdbool.h>
#include <sys/types.h>

struct redisReply; /* hiredis */

/* Every field may be zero. */
struct redis_server_options {
    bool               tcp;      /* Listen on a TCP port too. */
    bool               tls;      /* Listen on a TLS port too; needs the three files in args:
                                  * "--tls-cert-file", ..., "--tls-key-file", ... */
    const char        *password; /* requirepass; also used by the functions here. */
    const char *const *args; /* More arguments, NULL at the end: { "--maxmemory", "2mb", NULL
                              * }. They come last, so they win. Copied. */
};

struct redis_server;

/* Starts one and waits until it answers PING. NULL: all defaults. */
struct redis_server *redis_server_open(const struct redis_server_options *options);

/* Kills it and removes the folder. NULL is fine. */
void redis_server_close(struct redis_server *server);

/* All valid until redis_server_close(), and the same after each start. */
const char *redis_server_folder(const struct redis_server *server);
const char *redis_server_socket(const struct redis_server *server); /* "/tmp/.../s" */
const char *redis_server_unix_url(const struct redis_server *server);
const char       *
redis_server_tcp_url(const struct redis_server *server); /* "redis://127.0.0.1:" */
int   redis_server_port(const struct redis_server *server);    /* 0 without tcp. */
int   redis_server_tls_port(const struct redis_server *server);
pid_t redis_server_pid(const struct redis_server *server); /* 0 while not running. */

/* SIGTERM, and waits until it is gone. Its data is saved if it was told to. */
void redis_server_stop(struct redis_server *server);

/* SIGKILL, and waits until it is gone. Fine when it is not running. */
void redis_server_kill(struct redis_server *server);

/* Starts a server that is not running, without waiting for anything. */
void redis_server_spawn(struct redis_server *server);

/* Waits until it answers PING and is not loading. */
void redis_server_wait_ready(struct redis_server *server);

/* Kill, spawn, wait. */
void redis_server_restart(struct redis_server *server);

/* SIGSTOP: it accepts and receives, and says nothing; returns when it really stands still. */
void redis_server_pause(struct redis_server *server);
void redis_server_resume(struct redis_server *server);

/* Sends one command over a connection of its own and returns the reply, an error reply too;
 * freeReplyObject() is the caller's. Format as redisCommand(). */
struct redisReply *redis_server_command(struct redis_server *server, const char *format, ...);

/* The same for what must succeed and whose reply does not matter. */
void redis_server_do(struct redis_server *server, const char *format, ...);

/* A number out of INFO, such as "connected_clients". Aborts when there is no such field. */
long long redis_server_info(struct redis_server *server, const char *field);

#endif
