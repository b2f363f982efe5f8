/* reply.h - what the server answered, as a tree that is read in place.
 *
 *     *2 $3 foo :42      array
 *                        +-- 0  string "foo"
 *                        +-- 1  integer 42
 *
 * The types are those of RESP3; a RESP2 server simply never sends some of them. A node is a
 * `const struct hf_reply *`; the root owns the whole tree, and nodes live as long as it.
 *
 * Threads:  a reply may be read by several threads at once.
 * Memory:   one tree is freed by hf_reply_free(root), NULL is fine; also after its client
 *           was closed, as long as the ctx of the client's allocator is there.
 * Cost:     accessors are O(1), unless they say otherwise.
 * Errors:   asking a node for what it is not gives HF_E_TYPE and writes nothing. NULL is a
 *           node of type HF_REPLY_NULL everywhere, so that lookups can be chained. */

#ifndef HOLDFAST_REPLY_H
#define HOLDFAST_REPLY_H

#include <holdfast/api.h>
#include <holdfast/bytes.h>
#include <holdfast/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

HF_BEGIN_DECLS

enum hf_reply_type {
    HF_REPLY_NULL,       /* _  and the RESP2 nulls $-1 and *-1 */
    HF_REPLY_STATUS,     /* +  a short text such as OK */
    HF_REPLY_ERROR,      /* -  and !  */
    HF_REPLY_INTEGER,    /* :  */
    HF_REPLY_STRING,     /* $  and $? */
    HF_REPLY_DOUBLE,     /* ,  */
    HF_REPLY_BOOLEAN,    /* #  */
    HF_REPLY_BIG_NUMBER, /* (  digits, as text */
    HF_REPLY_VERBATIM,   /* =  text after its three letters and colon */
    HF_REPLY_ARRAY,      /* *  and *? */
    HF_REPLY_MAP,        /* %  children alternate: key, value, key, value */
    HF_REPLY_SET,        /* ~  */
    HF_REPLY_PUSH,       /* >  out of band, never the answer to a command */
};

struct hf_reply;

HF_API void hf_reply_free(struct hf_reply *root);

HF_API enum hf_reply_type hf_reply_type(const struct hf_reply *node);

/* "string", "map", ... Never NULL. */
HF_API const char *hf_reply_type_name(enum hf_reply_type type);

/* STATUS, ERROR, STRING, BIG_NUMBER and VERBATIM as bytes; a NUL follows them. */
HF_API HF_NODISCARD hf_err hf_reply_bytes(const struct hf_reply *node,
                                          struct hf_bytes       *bytes);

/* INTEGER and BOOLEAN (1 or 0); a STRING or STATUS that is a decimal integer in the range
 * is read as one. */
HF_API HF_NODISCARD hf_err hf_reply_int(const struct hf_reply *node, int64_t *value);

/* DOUBLE and INTEGER; a STRING or STATUS that is a decimal number, "inf" or "nan" is read as
 * one, in whatever locale the process is. */
HF_API HF_NODISCARD hf_err hf_reply_double(const struct hf_reply *node, double *value);

HF_API bool hf_reply_is_null(const struct hf_reply *node);

/* True for a STATUS or STRING of exactly this text. */
HF_API bool hf_reply_is_text(const struct hf_reply *node, const char *text);

/* Children of an ARRAY, MAP (keys and values both count), SET or PUSH; else 0. */
HF_API size_t hf_reply_count(const struct hf_reply *node);

/* Child number index, or NULL past the end. */
HF_API const struct hf_reply *hf_reply_at(const struct hf_reply *node, size_t index);

/* The value under a text key of a MAP, or of an ARRAY that alternates as RESP2 sends
 * maps; the first one if there are several, NULL when there is none. O(children). */
HF_API const struct hf_reply *hf_reply_get(const struct hf_reply *node, const char *key);

HF_END_DECLS

#endif
