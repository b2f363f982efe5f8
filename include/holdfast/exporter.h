/* exporter.h - shows over HTTP how clients are: a page for people, numbers for monitors.
 *
 *     struct hf_exporter *exporter;
 *     if (hf_exporter_open(NULL, &exporter, &error)) return fail(&error);
 *     if (hf_exporter_add(exporter, "default", client)) return fail(&error);
 *     printf("see http://127.0.0.1:%u/\n", hf_exporter_port(exporter));
 *
 *     GET  /               the dashboard, one page that asks for nothing but /stats
 *     GET  /livez          "ok" while the process lives, whatever Redis does
 *     GET  /readyz         200, or 503 with the reason; by the rule of each client
 *     GET  /healthz        JSON: the status of each client and why; always 200, so that no
 *                          watchdog restarts an application whose cache is down
 *     GET  /metrics        Prometheus text format 0.0.4
 *     GET  /stats          JSON: health, statistics and latency of each client
 *     POST /breaker/reset  [?client=NAME] closes the breaker of one client, or of all
 *     POST /breaker/force  ?state=forced_open|disabled|metrics_only[&client=NAME]
 *                          400 and no change for other arguments, 404 for an unknown name
 *
 * It is a library of its own, libholdfast-exporter; only a program that links it listens.
 *
 * What only Redis knows (INFO, the counts of tasks, the hot keys of caches) is asked for by a
 * thread of its own, once a second while somebody reads /metrics or /stats, and shown as it
 * was; an answer for which it is older than ten seconds leaves it out.
 *
 * Threads:  one of its own answers everybody, one asks Redis, both with all signals blocked.
 *           The functions may be called from any thread, except open and close.
 * Fork:     a child has no exporter; hf_exporter_close() there frees what it can.
 * Memory:   one answer and at most 16 KiB for each of at most HF_EXPORTER_CONNECTIONS_MAX
 *           connections.
 * Time:     an answer never waits for Redis, nor for a call that does. A connection that says
 *           nothing for three seconds is closed; when there are too many, the oldest is.
 * Security: without a host it listens on the loopback interface only. Whoever can reach it
 * may read all of it, names of endpoints included, but no values and no secrets; with
 *           is_private only who shows the token. Without a token nobody can change a breaker.
 *           It speaks no TLS: for other machines put it behind what does. */

#ifndef HOLDFAST_EXPORTER_H
#define HOLDFAST_EXPORTER_H

#include <holdfast/client.h>

HF_BEGIN_DECLS

struct hf_exporter;
struct hf_cache;
struct hf_tasks;

enum {
    HF_EXPORTER_CLIENTS_MAX = 16,
    HF_EXPORTER_CACHES_MAX = 16,
    HF_EXPORTER_TASKS_MAX = 16,
    HF_EXPORTER_CONNECTIONS_MAX = 64,
    HF_EXPORTER_NAME_MAX = 64,   /* Bytes of a client's name, and of a prefix. */
    HF_EXPORTER_TOKEN_MIN = 16,  /* Bytes. */
    HF_EXPORTER_TOKEN_MAX = 256, /* Bytes. */
};

/* Zero-initialised means the defaults. */
struct hf_exporter_options {
    const char *host;       /* Address to listen on; NULL: 127.0.0.1. */
    uint16_t    port;       /* 0: any free one, see hf_exporter_port(). */
    const char *token;      /* For "Authorization: Bearer TOKEN"; copied. NULL: none, and
                             * breakers cannot be changed. Visible ASCII without spaces. */
    bool        is_private; /* Reading needs the token too, but for /, /livez and /readyz. */
    bool        is_passive; /* Never asks Redis for anything. */
};

/* What /readyz asks of a client before it says that the application is ready. */
enum hf_ready_rule {
    HF_READY_ALWAYS,         /* Nothing: what is cached can be had elsewhere. */
    HF_READY_ONCE_CONNECTED, /* That it had a connection since it was opened. */
    HF_READY_UNLESS_DOWN,    /* Status up or degraded. */
    HF_READY_WHILE_UP,       /* Status up. */
};

/* Listens from now on. options NULL: the defaults. HF_E_RESOLVE for a host that is no address
 * of this machine, HF_E_SYSTEM when the port is taken, HF_E_INVALID for a token too short or
 * long or of other bytes, and for is_private without one, HF_E_NOMEM. error may be NULL. */
HF_API HF_NODISCARD hf_err hf_exporter_open(const struct hf_exporter_options *options,
                                            struct hf_exporter              **exporter,
                                            struct hf_error                  *error);

/* Ends all connections. NULL is fine. */
HF_API void hf_exporter_close(struct hf_exporter *exporter);

/* Shows the client under that name, which is copied, until it is removed; it must stay open
 * until then. HF_E_INVALID for a name that is empty, taken, or not UTF-8, HF_E_TOO_LARGE for
 * one that is too long or one client too many. */
HF_API HF_NODISCARD hf_err hf_exporter_add(struct hf_exporter *exporter, const char *name,
                                           struct hf_client *client);

/* HF_READY_ALWAYS unless told otherwise. HF_E_INVALID for a client that was not added. */
HF_API HF_NODISCARD hf_err hf_exporter_set_ready_rule(struct hf_exporter     *exporter,
                                                      const struct hf_client *client,
                                                      enum hf_ready_rule      rule);

/* Also shows the hot keys of a cache (access.h), or the counts of a task manager, under a
 * client that was added and that it is used with: hf_tasks_client() for tasks. The prefix is
 * for people, and copied. HF_E_INVALID for a client that was not added, and for a prefix that
 * is empty or not UTF-8, HF_E_TOO_LARGE for one that is too long or one too many. */
HF_API HF_NODISCARD hf_err hf_exporter_add_cache(struct hf_exporter     *exporter,
                                                 const struct hf_client *client,
                                                 const char *prefix, struct hf_cache *cache);
HF_API HF_NODISCARD hf_err hf_exporter_add_tasks(struct hf_exporter     *exporter,
                                                 const struct hf_client *client,
                                                 const char *prefix, struct hf_tasks *tasks);

/* Nothing looks at the client, its caches and tasks any more when it returns, which may take
 * a second when Redis is being asked. Unknown ones are ignored. */
HF_API void hf_exporter_remove(struct hf_exporter *exporter, const struct hf_client *client);

HF_API uint16_t hf_exporter_port(const struct hf_exporter *exporter);

/* "always", "once_connected", "unless_down", "while_up". Never NULL. */
HF_API const char *hf_ready_rule_name(enum hf_ready_rule rule);

HF_END_DECLS

#endif
