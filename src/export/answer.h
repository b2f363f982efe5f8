/* answer.h - what an exporter says to a request: a status, a kind, and the bytes.
 *
 * Memory:  an answer is handed on once, to hf_answer_send(), which frees it.
 * Errors:  out of memory is 503 in a few words, or ends the connection. */

#ifndef HF_EXPORT_ANSWER_H
#define HF_EXPORT_ANSWER_H

#include <jansson.h>
#include <microhttpd.h>

struct hf_answer {
    unsigned             status;
    const char          *kind;
    const char          *allow; /* For 405; else NULL. */
    struct MHD_Response *response;
};

/* The bytes are never copied and must stay. */
struct hf_answer hf_answer_constant(const char *kind, const void *bytes, size_t size);

/* Takes the text over, which free() frees; NULL: out of memory. */
struct hf_answer hf_answer_text(unsigned status, const char *kind, char *text);

/* Takes the JSON over. */
struct hf_answer hf_answer_json(unsigned status, json_t *json);

/* {"error": what}, with a newline, for people who use curl. */
struct hf_answer hf_answer_error(unsigned status, const char *what);

enum MHD_Result hf_answer_send(struct MHD_Connection *connection, struct hf_answer answer);

#endif
