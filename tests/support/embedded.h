/* embedded.h - embedded servers as tests see them: from their application and from outside.
 *
 *     struct hf_embedded *server = embedded_start(NULL);
 *     struct sight sight = embedded_look(hf_embedded_socket(server));
 *     kill(sight.redis, SIGKILL);
 *     assert_true(wait_until(redis_is_another, &sight, embedded_bound));
 *
 * Threads:  the test's own: what fails here fails the test. */

#ifndef HF_TESTS_EMBEDDED_H
#define HF_TESTS_EMBEDDED_H

#include "topology/embedded.h"

#include <holdfast/time.h>
#include <sys/types.h>

enum { SOCKET_PATH_MAX = 108 };

/* For every wait here; generous, as nothing takes long. */
extern const hf_duration embedded_bound;

struct sight {
    pid_t redis;
    pid_t keeper;
    char  socket[SOCKET_PATH_MAX];
    char  run_folder[SOCKET_PATH_MAX];
};

struct hf_embedded *embedded_start(const char *folder);

/* Forks an application that starts a server and then does something. Writes the socket. */
pid_t embedded_start_host(const char *folder, void (*then)(void),
                          char        socket[SOCKET_PATH_MAX]);

/* Waits until redis answers and has loaded, and finds out who is who. */
struct sight embedded_look(const char *socket);

/* For wait_until() and stays_true(); ctx is a struct sight. */
bool redis_is_the_same(void *sight);
bool redis_is_another(void *sight);

/* Waits until redis, keeper and folder are gone. */
void assert_all_gone(struct sight *sight);

/* The reply's text, which the caller frees; NULL for one without. */
char *redis_command(const char *socket, const char *text);

#endif
