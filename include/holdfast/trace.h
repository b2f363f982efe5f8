/* trace.h - a function of yours at the start and at the end of each operation.
 *
 *     struct hf_call call = { 0 };
 *     err = hf_trace_parse(header_of(request, "traceparent"), &call.trace);
 *     err = hf_cache_get(cache, &call, key, &value, &error);
 *
 *     start  "cache get"  parent: the request's
 *       start  "GET"      parent: what your start put there
 *       end    "GET"      attempts 1, HF_OK
 *     end    "cache get"  HF_OK, 180 us
 *
 * The library sends nothing and keeps nothing: what it gives are the facts of a span, for
 * OpenTelemetry or whatever the application uses. Which request an operation belongs to says
 * its struct hf_call, by value; there is no context of a thread that could be forgotten or
 * mixed up. docs/guide/tracing.md has a whole program.
 *
 * Threads:  the functions are called in the thread that runs the operation, many at once,
 *           never under a lock; the end of an asynchronous command in the callback pool,
 *           before its callback; those of a load in the loader's thread, even
 *           where it outlives its cache.
 *           They may call the library, but for closing what they came from; a call from them
 *           is traced like any other.
 * Fork:     a child's refused calls are not traced; nor those refused because the client is
 *           closed or calls_max is reached: they have done nothing.
 * Cancel:   disabled in them.
 * Memory:   a span belongs to the library, and lives from its start to its end.
 * Cost:     without them one comparison of a pointer per operation. */

#ifndef HOLDFAST_TRACE_H
#define HOLDFAST_TRACE_H

#include <holdfast/api.h>
#include <holdfast/error.h>
#include <holdfast/time.h>
#include <stdbool.h>
#include <stdint.h>

HF_BEGIN_DECLS

/* Trace context of the W3C; all zero: none. */
struct hf_trace_context {
    unsigned char trace_id[16];
    unsigned char parent_id[8];
    unsigned char flags; /* Bit 0: sampled; bit 1: trace_id is random. */
};

enum { HF_TRACE_TEXT_SIZE = 56 }; /* With the NUL. */

/* Reads the value of a traceparent header, "00-0af7651916cd43dd8448eb211c80319c-
 * b7ad6b7169203331-01". HF_E_INVALID for what the W3C's rules refuse; the context then stays
 * as it was. */
HF_API HF_NODISCARD hf_err hf_trace_parse(const char              *traceparent,
                                          struct hf_trace_context *context);

/* Writes it as version 00; "" when there is none. */
HF_API void hf_trace_format(const struct hf_trace_context *context,
                            char                           text[HF_TRACE_TEXT_SIZE]);

HF_API bool hf_trace_is_set(const struct hf_trace_context *context);

enum hf_span_kind {
    HF_SPAN_COMMAND, /* One command or script, or a batch, with all its attempts. */
    HF_SPAN_ASYNC,   /* An asynchronous command, from its start to its callback. */
    HF_SPAN_CACHE,   /* An operation of a cache, with the commands inside. One that the near
                      * cache answers is told of when it is over, without a duration. */
    HF_SPAN_LOAD,    /* The application's loader, once for all who wait for it: inside the
                      * operation that came first. */
};

struct hf_span {
    enum hf_span_kind       kind;
    const char             *name;     /* "GET", "batch", "cache get"; no keys, no values. */
    const char             *endpoint; /* "redis://10.0.0.7:6379/0", no secrets; NULL of a
                                       * load. */
    /* Of the call. What start puts there, a child's id in parent_id, is what the operations
     * inside this one have. */
    struct hf_trace_context context;
    void                   *user; /* Yours: what start puts there, end finds. */
    hf_instant              begun;

    /* At the end. */
    hf_instant ended;
    hf_err     err;      /* hf_err_category() tells the category. */
    uint32_t   attempts; /* Of a command: 0 when it was refused without trying. */
    uint32_t   commands; /* Of a command: 1, or how many a batch has. */
    uint64_t   bytes;    /* Of a command: as it was sent. */
};

typedef void (*hf_span_fn)(struct hf_span *span, void *ctx);

HF_END_DECLS

#endif
