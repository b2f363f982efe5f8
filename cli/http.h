/* http.h - one question over HTTP/1.1, and its answer, both bounded.
 *
 * Threads:  any.
 * Memory:   the body is the caller's, freed by http_answer_free(), which is fine after a
 *           failure too; at most HTTP_BODY_MAX.
 * Time:     `seconds` for all of it, looking up the name included.
 * Errors:   false, and why in one line. An answer with any status is none. */

#ifndef CLI_HTTP_H
#define CLI_HTTP_H

#include <stdbool.h>
#include <stddef.h>

enum { HTTP_BODY_MAX = 16 * 1024 * 1024, HTTP_HEAD_MAX = 16 * 1024 };

struct http_question {
    const char *host;
    const char *port;
    const char *method; /* "GET", "POST"; no body is sent. */
    const char *path;   /* From the slash on. */
    const char *token;  /* Bearer; "": none. */
    int         seconds;
};

struct http_answer {
    int    status; /* 100 to 999. */
    char  *body;   /* NUL-terminated; may hold others. */
    size_t body_size;
};

bool http_ask(const struct http_question *q, struct http_answer *answer, char *why,
              size_t why_size);
void http_answer_free(struct http_answer *answer);

/* Takes the bytes of a whole answer apart, as http_ask() does; for tests and fuzzing. NULL,
 * or what is wrong with it. The bytes may be changed. */
const char *http_parse(char *bytes, size_t size, struct http_answer *answer);

#endif
