/* connection.h - the client and cache that a command works on, and how its failures end.
 *
 *     struct connection c;
 *     enum exit_status  status = connection_open(&c, inv);
 *     if (status == EXIT_OK) status = work(&c);
 *     connection_close(&c);
 *
 * Errors:   every failure is one line on standard error and, with --json, an object with
 *           error, category, message and detail on standard output. */

#ifndef CLI_CONNECTION_H
#define CLI_CONNECTION_H

#include "command.h"

#include <holdfast/cache.h>

struct connection {
    const struct invocation *inv;
    struct hf_client        *client;
    struct hf_cache         *cache;
    struct hf_error          error; /* Of the last call. */
};

/* Connecting itself happens with the first call. Close it whatever comes back. */
enum exit_status connection_open(struct connection *c, const struct invocation *inv);

/* The same; the cache counts one read in so many, see access.h. 0: none. */
enum exit_status connection_open_counting(struct connection *c, const struct invocation *inv,
                                          uint32_t access_sample);
void             connection_close(struct connection *c);

/* Says why a call failed, and gives the status for it. */
enum exit_status connection_fail(const struct connection *c, hf_err err);

#endif
