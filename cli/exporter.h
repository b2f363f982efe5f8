/* exporter.h - asks an exporter over HTTP: small questions, bounded answers.
 *
 *     struct exporter e;
 *     if (!exporter_open(&e, "http://127.0.0.1:9121", token_file)) return EXIT_USAGE;
 *     json_t *stats = exporter_get(&e, "/stats");
 *     if (!stats) complain("%s", e.why);
 *     json_decref(stats);
 *
 * Each question takes a connection of its own. There is no TLS: ask over loopback, or through
 * a tunnel.
 *
 * Threads:  none.
 * Memory:   an answer of more than 16 MiB is refused.
 * Time:     EXPORTER_S for each question, from the name to the last byte.
 * Errors:   NULL or false; e.why says it in one line. */

#ifndef CLI_EXPORTER_H
#define CLI_EXPORTER_H

#include "dial.h"

#include <holdfast/api.h>
#include <jansson.h>
#include <stdbool.h>

enum { EXPORTER_S = 5, EXPORTER_TOKEN_MAX = 256 };

struct exporter {
    char host[DIAL_HOST_MAX];
    char port[DIAL_PORT_MAX];
    char token[EXPORTER_TOKEN_MAX + 1]; /* "": none. */
    char shown[DIAL_HOST_MAX + 32];     /* The URL, for people. */
    char why[640];
};

/* The first line of the file, or else HOLDFAST_EXPORTER_TOKEN, or else "". Complains. */
bool exporter_token(char token[EXPORTER_TOKEN_MAX + 1], const char *file);

/* url is http://HOST[:PORT]; the token as above. Complains. */
bool exporter_open(struct exporter *e, const char *url, const char *token_file);

/* What GET of that path gives. The caller's. */
json_t *exporter_get(struct exporter *e, const char *path);

/* POST without a body; true when it was done. */
bool exporter_post(struct exporter *e, const char *path);

#endif
