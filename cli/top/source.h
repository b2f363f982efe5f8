/* source.h - where readings come from: an exporter, or a Redis itself.
 *
 * Threads:  none; one thread at a time may have a source.
 * Time:     a reading takes some seconds at most, also when nothing answers.
 * Errors:   source_open() complains; source_read() leaves why in the source. */

#ifndef CLI_TOP_SOURCE_H
#define CLI_TOP_SOURCE_H

#include "connection.h"
#include "exporter.h"
#include "reading.h"

struct source {
    const struct invocation *inv;
    bool                     is_exporter;
    struct exporter          exporter;
    struct connection        c;
    const char              *client_name; /* NULL: by number. */
    size_t                   client;
    bool                     wants_hot; /* Of a Redis; asking for them counts as reads. */
    char                     shown[320];
    char                     why[640];
    json_t                  *stats; /* Of the last reading of an exporter. */
};

/* from: an exporter's URL; NULL: the Redis of the options. Close it whatever comes back. */
enum exit_status source_open(struct source *s, const struct invocation *inv, const char *from,
                             const char *token_file);
void             source_close(struct source *s);

bool source_read(struct source *s, struct reading *r);

#endif
