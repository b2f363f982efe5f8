/* embedded.h - a redis-server of this process's own, behind the URL `embedded:`.
 *
 *     struct hf_embedded *server;
 *     err = hf_embedded_start(allocator, NULL, &server, &error);
 *     ... connect to the unix socket hf_embedded_socket(server) ...
 *     hf_embedded_stop(server);
 *
 * It listens on a unix socket in a fresh private folder and on no TCP port. A keeper process
 * (see keeper.h) starts it, starts it again when it dies, and stops it and removes the folder
 * when this process goes away, however that happens: exit, SIGKILL, executing another
 * program. That a thread ends does not matter.
 *
 * With a folder its data is kept there, in an append-only file, for the next time; the folder
 * is made if need be (its parent must exist) and serves one process at a time.
 *
 * Threads:  start from any; stop once. The host's signal handlers, SIGCHLD included, its
 *           children and its atfork handlers see nothing of it. In a forked child, stopping
 *           only closes the child's descriptors.
 * Memory:   two descriptors, close-on-exec, and one block. The socket's path belongs to it.
 * Time:     starting takes two forks, and does not wait until redis answers; the server may
 *           need some tens of milliseconds until it accepts, longer when it has data to load.
 *           Where the folder's previous user has just died, up to HF_EMBEDDED_WAIT_MS until
 *           its server has let go. Stopping waits until the server has gone: a few
 *           milliseconds, with data at most some seconds.
 * Errors:   HF_E_NO_SERVER when redis-server is not installed; HF_E_INVALID when the folder
 *           cannot be used, in use by another process included; HF_E_NOMEM; HF_E_SYSTEM. */

#ifndef HF_TOPOLOGY_EMBEDDED_H
#define HF_TOPOLOGY_EMBEDDED_H

#include <holdfast/alloc.h>
#include <holdfast/error.h>

enum { HF_EMBEDDED_WAIT_MS = 10000 };

struct hf_embedded;

/* folder NULL: nothing is kept. */
HF_NODISCARD hf_err hf_embedded_start(const struct hf_allocator *a, const char *folder,
                                      struct hf_embedded **server, struct hf_error *error);

/* An absolute path of less than 108 bytes. */
const char *hf_embedded_socket(const struct hf_embedded *server);

/* NULL is fine. */
void hf_embedded_stop(struct hf_embedded *server);

#endif
