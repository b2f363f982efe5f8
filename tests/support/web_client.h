/* web_client.h - one HTTP request over a connection of its own, as bytes.
 *
 * Threads:  any; the answer is the caller's.
 * Time:     at most 30 s, then it aborts. */

#ifndef HF_TESTS_WEB_CLIENT_H
#define HF_TESTS_WEB_CLIENT_H

#include <stddef.h>
#include <stdint.h>

struct web_answer {
    int    status; /* 0 when what came is no answer, or nothing. */
    char  *head;   /* From the status line on. */
    char  *body;   /* NUL-terminated, in the same memory. */
    size_t body_size;
};

/* A connection to that port of 127.0.0.1, or -1. */
int web_connect(uint16_t port);

/* Sends these bytes and reads until the other side ends. */
struct web_answer web_send(uint16_t port, const void *request, size_t size);

/* A whole request with "Connection: close"; token NULL: none. */
struct web_answer web_ask(uint16_t port, const char *method, const char *target,
                          const char *token);

void web_answer_free(struct web_answer *answer);

#endif
