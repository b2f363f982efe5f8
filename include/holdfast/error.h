/* error.h - the one list of everything that can go wrong.
 *
 * A function that can fail returns hf_err; results leave through out parameters, which are
 * written only on HF_OK unless a comment says otherwise. The category, not the code, decides
 * what happens next: whether a call is tried again, and whether the failure counts against
 * the endpoint's circuit breaker.
 *
 *     struct hf_error error;
 *     hf_err err = hf_client_command(client, NULL, argv, argc, &reply, &error);
 *     if (err) fprintf(stderr, "%s: %s\n", hf_err_text(err), error.detail);
 *
 * Threads:  hf_err is a value, struct hf_error belongs to the caller; nothing is shared.
 * Memory:   none is allocated; texts are constants.
 * Errors:   a detail never holds a password, and is cut rather than overflowed. */

#ifndef HOLDFAST_ERROR_H
#define HOLDFAST_ERROR_H

#include <holdfast/api.h>
#include <stdbool.h>
#include <stddef.h>

HF_BEGIN_DECLS

/* clang-format off */

/* What to do about a category. Retry: NO never; SAFE only commands that may be applied twice;
 * ANY every command, because it was not applied. Counts: whether it speaks against the
 * endpoint's health.
 *
 *    category    name              retry counts */
#define HF_CATEGORY_MAP(X)                                                                   \
    X(NONE,       "none",           NO,   false) /* success, or a miss */                    \
    X(USAGE,      "usage",          NO,   false) /* the caller's mistake */                  \
    X(LOCAL,      "local",          NO,   false) /* this process: memory, fork, close */     \
    X(REJECTED,   "rejected",       NO,   false) /* refused here, nothing was sent */        \
    X(CONNECTION, "connection",     ANY,  true)  /* no connection, nothing was sent */       \
    X(LOST,       "connection",     SAFE, true)  /* lost after the command was sent */       \
    X(TIMEOUT,    "timeout",        SAFE, true)  /* no answer in time */                     \
    X(PROTOCOL,   "protocol",       SAFE, true)  /* the answer made no sense */              \
    X(LOADING,    "unready",        ANY,  true)  /* up, but cannot serve yet */              \
    X(BUSY,       "unready",        ANY,  false) /* alive, and asks to come again later */   \
    X(DEGRADED,   "degraded",       NO,   false) /* refuses writes, serves reads */          \
    X(MEMORY,     "memory",         NO,   false) /* at maxmemory: refuses writes */          \
    X(TOPOLOGY,   "topology",       ANY,  false) /* the wrong node was asked */              \
    X(AUTH,       "authentication", NO,   false) /* credentials or permissions */            \
    X(REPLY,      "reply",          NO,   false) /* the server refused this command */

/* clang-format on */

enum hf_category {
#define X(category, name, retry, counts) HF_CATEGORY_##category,
    HF_CATEGORY_MAP(X)
#undef X
};

/* clang-format off */

/* Applied says whether the server can have carried out the command: NO, or UNKNOWN when it
 * may have, or YES.
 *
 *    code               category    applied  text */
#define HF_ERR_MAP(X)                                                                        \
    X(OK,                NONE,       YES,     "success")                                     \
    X(MISS,              NONE,       YES,     "no such entry")                               \
    X(E_INVALID,         USAGE,      NO,      "invalid argument")                            \
    X(E_RANGE,           USAGE,      NO,      "value out of range")                          \
    X(E_TOO_LARGE,       USAGE,      NO,      "larger than the limit")                       \
    X(E_TYPE,            USAGE,      YES,     "the reply is of another type")                \
    X(E_NOMEM,           LOCAL,      NO,      "out of memory")                               \
    X(E_NOMEM_SENT,      LOCAL,      UNKNOWN, "out of memory for the reply, outcome unknown")\
    X(E_SYSTEM,          LOCAL,      NO,      "system call failed")                          \
    X(E_FORKED,          LOCAL,      NO,      "client belongs to the parent process")        \
    X(E_CLOSED,          LOCAL,      NO,      "client is closed")                            \
    X(E_CLOSED_SENT,     LOCAL,      UNKNOWN, "client was closed, outcome unknown")          \
    X(E_NO_SERVER,       LOCAL,      NO,      "redis-server cannot be started")              \
    X(E_BREAKER_OPEN,    REJECTED,   NO,      "circuit breaker is open")                     \
    X(E_OVERLOAD,        REJECTED,   NO,      "too many calls under way")                    \
    X(E_UNAVAILABLE,     REJECTED,   NO,      "endpoint is down, next attempt is due later") \
    X(E_RESOLVE,         CONNECTION, NO,      "name cannot be resolved")                     \
    X(E_CONNECT,         CONNECTION, NO,      "cannot connect")                              \
    X(E_CONNECT_TIMEOUT, CONNECTION, NO,      "connecting took too long")                    \
    X(E_TLS,             CONNECTION, NO,      "TLS handshake failed")                        \
    X(E_UNSENT,          CONNECTION, NO,      "connection lost before the command was sent") \
    X(E_LOST,            LOST,       UNKNOWN, "connection lost, outcome unknown")            \
    X(E_TIMEOUT,         TIMEOUT,    NO,      "deadline passed before the command was sent") \
    X(E_TIMEOUT_SENT,    TIMEOUT,    UNKNOWN, "deadline passed, outcome unknown")            \
    X(E_PROTOCOL,        PROTOCOL,   UNKNOWN, "malformed reply")                             \
    X(E_LOADING,         LOADING,    NO,      "server is loading its data")                  \
    X(E_MASTERDOWN,      LOADING,    NO,      "replica has lost its master")                 \
    X(E_CLUSTERDOWN,     BUSY,       NO,      "cluster is down")                             \
    X(E_TRYAGAIN,        BUSY,       NO,      "server asks to try again")                    \
    X(E_SERVER_BUSY,     BUSY,       NO,      "server is busy running a script")             \
    X(E_MAX_CLIENTS,     BUSY,       NO,      "server has too many clients")                 \
    X(E_MISCONF,         DEGRADED,   NO,      "server cannot persist and refuses writes")    \
    X(E_NOREPLICAS,      DEGRADED,   NO,      "too few replicas, writes are refused")        \
    X(E_OOM,             MEMORY,     NO,      "server is out of memory")                     \
    X(E_OOM_SCRIPT,      MEMORY,     UNKNOWN, "server ran out of memory inside a script")    \
    X(E_READONLY,        TOPOLOGY,   NO,      "node is a read-only replica")                 \
    X(E_MOVED,           TOPOLOGY,   NO,      "key is served by another node")               \
    X(E_ASK,             TOPOLOGY,   NO,      "key is moving to another node")               \
    X(E_AUTH,            AUTH,       NO,      "authentication failed")                       \
    X(E_NOPERM,          AUTH,       NO,      "permission denied by the server's ACL")       \
    X(E_WRONGTYPE,       REPLY,      NO,      "key holds another type")                      \
    X(E_NOSCRIPT,        REPLY,      NO,      "script is not loaded")                        \
    X(E_EXECABORT,       REPLY,      NO,      "transaction was discarded")                   \
    X(E_TASK_UNKNOWN,    REPLY,      NO,      "no such task")                                \
    X(E_TASK_MOVE,       REPLY,      NO,      "task's status does not allow that")           \
    X(E_TASK_VERSION,    REPLY,      NO,      "task was changed meanwhile")                  \
    X(E_TASK_TOKEN,      REPLY,      NO,      "lease on the task was lost")                  \
    X(E_TASK_CANCELLED,  REPLY,      NO,      "task was cancelled")                          \
    X(E_TASK_OWNER,      REPLY,      NO,      "task belongs to another owner")               \
    X(E_TASK_UNIQUE,     REPLY,      NO,      "another live task has the same unique key")   \
    X(E_TASK_DAMAGED,    REPLY,      NO,      "task's record is damaged")                    \
    X(E_TASK_NEWER,      REPLY,      NO,      "task's record is of a newer version")         \
    X(E_REPLY,           REPLY,      NO,      "server refused the command")

/* clang-format on */

typedef enum hf_err {
#define X(code, category, applied, text) HF_##code,
    HF_ERR_MAP(X)
#undef X
} hf_err;

enum { HF_ERROR_DETAIL_MAX = 256 };

/* What a call adds to its hf_err: the story from the outside inwards, for a person. */
struct hf_error {
    hf_err code;
    char
        detail[HF_ERROR_DETAIL_MAX]; /* "" when there is nothing to add; UTF-8 not assured. */
};

/* A constant sentence part such as "circuit breaker is open". Never NULL. */
HF_API const char *hf_err_text(hf_err err);

/* The code as written in source, "HF_E_BREAKER_OPEN". Never NULL. */
HF_API const char *hf_err_name(hf_err err);

HF_API enum hf_category hf_err_category(hf_err err);

/* One word, such as "timeout"; distinct categories may share one. Never NULL. */
HF_API const char *hf_category_name(enum hf_category category);

/* True when the server may have carried out the command although the call failed. */
HF_API bool hf_err_outcome_unknown(hf_err err);

HF_END_DECLS

#endif
