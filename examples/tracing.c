/* A request's traceparent comes in with a header and goes out with another, through a loader.
 */

#include <holdfast/holdfast.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the loader that runs in this thread is a part of. */
static _Thread_local struct hf_trace_context current;

struct note {
    char                    parent[HF_TRACE_TEXT_SIZE];
    struct hf_trace_context outer;
};

/* Random in earnest; here the output shall be the same each time. */
static void draw_id(unsigned char id[8])
{
    static atomic_uint last;
    memset(id, 0xaa, 8);
    id[7] = (unsigned char)(atomic_fetch_add(&last, 1) + 1);
}

static void start(struct hf_span *span, void *ctx)
{
    struct note *note = calloc(1, sizeof *note);
    (void)ctx;
    if (!note) return;
    span->user = note;
    hf_trace_format(&span->context, note->parent);
    note->outer = current;
    if (span->kind == HF_SPAN_COMMAND) return; /* Here only what commands are a part of. */
    draw_id(span->context.parent_id);          /* The parent of all that is inside. */
    if (span->kind == HF_SPAN_LOAD) current = span->context;
}

/* Where a real program hands the span to its exporter. */
static void end(struct hf_span *span, void *ctx)
{
    struct note *note = span->user;
    char         own[HF_TRACE_TEXT_SIZE];
    (void)ctx;
    if (!note) return;
    if (span->kind != HF_SPAN_COMMAND) {
        hf_trace_format(&span->context, own);
        printf("%-12s %s\n      inside %s\n", span->name, own, note->parent);
    }
    current = note->outer;
    free(note);
}

/* Asks another service, which joins the same trace. */
static hf_err fetch(struct hf_bytes key, struct hf_loaded *loaded, void *ctx)
{
    char header[HF_TRACE_TEXT_SIZE];
    (void)ctx;
    hf_trace_format(&current, header);
    printf("GET /%.*s\ntraceparent: %s\n", (int)key.size, (const char *)key.data, header);
    return hf_loaded_set(loaded, hf_str("21 degrees"));
}

/* A malformed traceparent is ignored, as the W3C asks: the call is then part of no trace. */
static void serve(struct hf_cache *cache, const char *traceparent)
{
    struct hf_call   call = { .timeout = hf_seconds(5) };
    struct hf_value *value;
    if (hf_trace_parse(traceparent, &call.trace)) printf("no trace\n");
    if (hf_cache_load(cache, &call, hf_str("weather"), NULL, fetch, NULL, &value, NULL))
        return;
    const struct hf_bytes text = hf_value_data(value);
    printf("200 %.*s\n\n", (int)text.size, (const char *)text.data);
    hf_value_release(value);
}

int main(void)
{
    struct hf_options *options;
    struct hf_client  *client;
    struct hf_cache   *cache;

    if (hf_options_open(&options) || hf_options_set(options, "url", "embedded:", NULL))
        return 1;
    hf_options_set_trace(options, start, end, NULL);
    if (hf_client_open(options, &client, NULL) || hf_cache_open(client, NULL, &cache, NULL))
        return 1;

    serve(cache, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    serve(cache, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

    hf_cache_close(cache);
    hf_client_close(client);
    hf_options_close(options);
    return 0;
}
