/* trace.h - the user's tracing functions, called where an operation begins and ends.
 *
 *     struct hf_span span;
 *     if (tracer) hf_tracer_start(tracer, &span, HF_SPAN_CACHE, "cache get", &call->trace);
 *     ...
 *     if (tracer) hf_tracer_end(tracer, &span, err);
 *
 * Threads:  read-only after init. Not under a lock: they call the user.
 * Cost:     whoever has no tracer has a NULL pointer. */

#ifndef HF_CORE_TRACE_H
#define HF_CORE_TRACE_H

#include <holdfast/trace.h>

struct hf_tracer {
    hf_span_fn  start;
    hf_span_fn  end;
    void       *ctx;
    const char *endpoint;
};

/* context NULL: none. */
void hf_tracer_start(const struct hf_tracer *tracer, struct hf_span *span,
                     enum hf_span_kind kind, const char *name,
                     const struct hf_trace_context *context);

void hf_tracer_end(const struct hf_tracer *tracer, struct hf_span *span, hf_err err);

#endif
