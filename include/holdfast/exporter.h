/* exporter.h - shows over HTTP how clients are: a page for people, JSON for programs.
 *
 *     struct hf_exporter *exporter;
 *     hf_err err = hf_exporter_open(NULL, &exporter, &error);
 *     if (!err) err = hf_exporter_add(exporter, "default", client);
 *     printf("see http://127.0.0.1:%u/\n", hf_exporter_port(exporter));
 *
 *     GET /         the dashboard, one page that asks for nothing but /stats
 *     GET /stats    health, statistics and latency of each client, as JSON
 *     GET /livez    "ok" while the process lives, whatever Redis does
 *
 * It is a library of its own, libholdfast-exporter; only a program that links it listens.
 *
 * Threads:  one of its own answers everybody, with all signals blocked. The functions may be
 *           called from any thread, except open and close.
 * Memory:   an answer at a time for each of at most HF_EXPORTER_CONNECTIONS_MAX connections.
 * Time:     an answer never waits for Redis; a connection that is silent for ten seconds is
 *           closed.
 * Security: without a host it listens on the loopback interface only; whoever can reach it
 *           may read all of it, names of endpoints included, but no values and no secrets. */

#ifndef HOLDFAST_EXPORTER_H
#define HOLDFAST_EXPORTER_H

#include <holdfast/client.h>

HF_BEGIN_DECLS

struct hf_exporter;

enum {
    HF_EXPORTER_CLIENTS_MAX = 16,
    HF_EXPORTER_CONNECTIONS_MAX = 64, /* Further ones are closed at once. */
    HF_EXPORTER_NAME_MAX = 64,        /* Bytes of a client's name. */
};

/* Zero-initialised means the defaults. */
struct hf_exporter_options {
    const char *host; /* Address to listen on; NULL: 127.0.0.1. */
    uint16_t    port; /* 0: any free one, see hf_exporter_port(). */
};

/* Listens from now on. options NULL: the defaults. HF_E_RESOLVE for a host that is no address
 * of this machine, HF_E_SYSTEM when the port is taken, HF_E_NOMEM. error may be NULL. */
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

/* No answer looks at the client any more when it returns. Unknown ones are ignored. */
HF_API void hf_exporter_remove(struct hf_exporter *exporter, const struct hf_client *client);

HF_API uint16_t hf_exporter_port(const struct hf_exporter *exporter);

HF_END_DECLS

#endif
