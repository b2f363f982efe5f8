#include "cache/warm.h"

#include "core/alloc.h"
#include "core/base64.h"
#include "core/buffer.h"
#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <unistd.h>

enum { BLOCK = 64 * 1024 };

struct reader {
    struct hf_warm_source source;
    uint64_t              skip; /* Lines that need not be understood. */
    int                   fd;
    int                   failure; /* errno of the reading that failed. */
    bool                  is_at_end;
    struct hf_buffer      bytes;     /* Read, and not given yet; the last line first. */
    size_t                searched;  /* Bytes of it in which no line ends. */
    size_t                line_size; /* Of the line given last, to be dropped. */
    json_t               *json;      /* What it says; the entry points into it. */
    struct hf_buffer      decoded;   /* Base64. */
};

static void drop_line(struct reader *r)
{
    json_decref(r->json);
    r->json = NULL;
    hf_buffer_consume(&r->bytes, r->line_size);
    r->line_size = 0;
    r->searched = 0;
}

/* One more block. HF_MISS at the end. */
static hf_err read_more(struct reader *r)
{
    if (r->is_at_end) return HF_MISS;
    const hf_err err = hf_buffer_reserve(&r->bytes, BLOCK);
    if (err) return err;
    for (;;) {
        const ssize_t n = read(r->fd, hf_buffer_end(&r->bytes), BLOCK);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) r->failure = errno;
        if (n > 0) hf_buffer_extend(&r->bytes, (size_t)n);
        r->is_at_end = n <= 0;
        return n > 0 ? HF_OK : HF_MISS;
    }
}

/* Reads on until a line ends; *size is then that of the line with its end. */
static hf_err find_end(struct reader *r, size_t *size)
{
    for (;;) {
        const size_t kept = hf_buffer_size(&r->bytes);
        const char  *begin = kept ? hf_buffer_bytes(&r->bytes) : NULL;
        const char  *end = kept > r->searched
                               ? memchr(begin + r->searched, '\n', kept - r->searched)
                               : NULL;
        if (end) {
            *size = (size_t)(end - begin) + 1;
            return HF_OK;
        }
        r->searched = kept;
        const hf_err err = read_more(r);
        if (err) return err;
    }
}

/* The next line, without its end. HF_MISS behind the last; HF_E_TOO_LARGE for one that does
 * not fit, which is skipped; HF_E_NOMEM. */
static hf_err next_line(struct reader *r, struct hf_bytes *line)
{
    bool   is_skipped = false;
    size_t size = 0;
    hf_err err;
    while ((err = find_end(r, &size)) == HF_E_TOO_LARGE) {
        is_skipped = true;
        r->source.offset += hf_buffer_size(&r->bytes);
        hf_buffer_clear(&r->bytes, SIZE_MAX);
        r->searched = 0;
    }
    if (err == HF_MISS) {
        size = hf_buffer_size(&r->bytes);
        if (size == 0 && !is_skipped) return HF_MISS;
    } else if (err) {
        return err;
    }
    r->source.position++;
    r->source.offset += size;
    r->line_size = size;
    *line = hf_bytes(hf_buffer_bytes(&r->bytes), err ? size : size - 1);
    return is_skipped || line->size > HF_WARM_LINE_MAX ? HF_E_TOO_LARGE : HF_OK;
}

static bool is_blank(struct hf_bytes line)
{
    const char *text = line.data;
    for (size_t i = 0; i < line.size; i++) {
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r') return false;
    }
    return true;
}

static hf_err decode(struct reader *r, const json_t *text, const char *name,
                     struct hf_bytes *bytes, struct hf_error *error)
{
    const struct hf_bytes from = hf_bytes(json_string_value(text), json_string_length(text));
    unsigned char        *to = (unsigned char *)hf_buffer_end(&r->decoded);
    size_t                size;
    if (hf_base64_decode(from, to, &size)) {
        return hf_fail(error, HF_E_INVALID, "\"%s_base64\" is not base64", name);
    }
    *bytes = hf_bytes(to, size);
    hf_buffer_extend(&r->decoded, size);
    return HF_OK;
}

/* The key or the value, under its own name or as NAME_base64. */
static hf_err take_bytes(struct reader *r, const char *name, struct hf_bytes *bytes,
                         struct hf_error *error)
{
    char encoded[32];
    snprintf(encoded, sizeof encoded, "%s_base64", name);
    const json_t *plain = json_object_get(r->json, name);
    const json_t *base64 = json_object_get(r->json, encoded);
    if (!plain == !base64) {
        return hf_fail(error, HF_E_INVALID, "%s \"%s\" and \"%s_base64\"",
                       plain ? "both" : "neither", name, name);
    }
    if (!json_is_string(plain ? plain : base64)) {
        return hf_fail(error, HF_E_INVALID, "\"%s\" is not a string", plain ? name : encoded);
    }
    if (base64) return decode(r, base64, name, bytes, error);
    *bytes = hf_bytes(json_string_value(plain), json_string_length(plain));
    return HF_OK;
}

static hf_err take_ttl(const json_t *ttl, hf_duration *duration, struct hf_error *error)
{
    static const char wrong[] = "\"ttl\" is not above 0 and at most ten years";
    hf_duration       d = hf_ns(0);
    if (!ttl) return HF_OK;
    if (json_is_string(ttl)) {
        if (hf_duration_parse(json_string_value(ttl), &d)) {
            return hf_fail(error, HF_E_INVALID, "\"ttl\" is not understood");
        }
    } else if (json_is_number(ttl)) {
        const double ns = json_number_value(ttl) * 1e9;
        if (!(ns >= 1 && ns <= (double)HF_CACHE_TTL_MAX.ns)) {
            return hf_fail(error, HF_E_RANGE, "%s", wrong);
        }
        d = hf_ns((int64_t)ns);
    } else {
        return hf_fail(error, HF_E_INVALID, "\"ttl\" is neither a number nor a string");
    }
    if (d.ns < 1 || d.ns > HF_CACHE_TTL_MAX.ns)
        return hf_fail(error, HF_E_RANGE, "%s", wrong);
    *duration = d;
    return HF_OK;
}

/* A mistyped "ttl" would otherwise be an entry that lives too long. */
static hf_err check_names(const json_t *object, struct hf_error *error)
{
    static const char *const known[] = { "key", "key_base64", "value", "value_base64",
                                         "ttl" };
    for (void *at = json_object_iter((json_t *)(uintptr_t)object); at;
         at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
        bool is_known = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            is_known |= strcmp(json_object_iter_key(at), known[i]) == 0;
        }
        if (is_known) continue;
        return hf_fail(error, HF_E_INVALID, "unknown member \"%.60s\"",
                       json_object_iter_key(at));
    }
    return HF_OK;
}

static hf_err parse(struct reader *r, struct hf_bytes line, struct hf_warm_entry *entry,
                    struct hf_error *error)
{
    json_error_t reason;
    r->json = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                         &reason);
    if (!r->json) {
        return hf_fail(error, HF_E_INVALID, "broken JSON, column %d: %s", reason.column,
                       reason.text);
    }
    if (!json_is_object(r->json)) return hf_fail(error, HF_E_INVALID, "not a JSON object");

    hf_buffer_clear(&r->decoded, BLOCK);
    hf_err err = hf_buffer_reserve(&r->decoded, line.size);
    if (err) return hf_fail(error, err, "line of %zu bytes", line.size);
    err = check_names(r->json, error);
    if (!err) err = take_bytes(r, "key", &entry->key, error);
    if (!err) err = take_bytes(r, "value", &entry->value, error);
    if (!err) err = take_ttl(json_object_get(r->json, "ttl"), &entry->ttl, error);
    return err;
}

static hf_err next_entry(struct hf_warm_entry *entry, struct hf_error *error, void *ctx)
{
    struct reader *r = ctx;
    for (;;) {
        struct hf_bytes line = { 0 };
        drop_line(r);
        const hf_err err = next_line(r, &line);
        if (err == HF_E_TOO_LARGE) {
            return hf_fail(error, err, "longer than %d bytes", HF_WARM_LINE_MAX);
        }
        if (err == HF_E_NOMEM) {
            r->failure = ENOMEM;
            return HF_MISS;
        }
        if (err) return err;
        if (is_blank(line)) continue;
        if (r->source.position > r->skip) return parse(r, line, entry, error);
    }
}

hf_err hf_cache_warm_file(struct hf_cache *cache, const struct hf_call *call,
                          const struct hf_warm *how, const char *path,
                          struct hf_warm_progress *progress, struct hf_error *error)
{
    struct reader r = { .skip = progress->position };
    r.source.next = next_entry;
    r.source.ctx = &r;
    r.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (r.fd < 0) return hf_fail(error, HF_E_SYSTEM, "%s: %s", path, strerror(errno));

    hf_buffer_init(&r.bytes, cache->allocator, HF_WARM_LINE_MAX + BLOCK);
    hf_buffer_init(&r.decoded, cache->allocator, HF_WARM_LINE_MAX);
    hf_err err = hf_cache_warm_from(cache, call, how, &r.source, progress, error);
    drop_line(&r);
    hf_buffer_deinit(&r.decoded);
    hf_buffer_deinit(&r.bytes);
    close(r.fd);
    if (!err && r.failure) {
        err = hf_fail(error, HF_E_SYSTEM, "%s: line %llu: %s", path,
                      (unsigned long long)r.source.position + 1, strerror(r.failure));
    }
    return err;
}
