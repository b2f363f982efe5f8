#include "cache/warm.h"
#include "cache/warm_line.h"
#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
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
    struct hf_warm_line   line;      /* What it says. */
};

static void drop_line(struct reader *r)
{
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
        if (r->source.position > r->skip)
            return hf_warm_line_parse(&r->line, line, entry, error);
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
    hf_warm_line_init(&r.line, cache->allocator);
    hf_err err = hf_cache_warm_from(cache, call, how, &r.source, progress, error);
    hf_warm_line_deinit(&r.line);
    hf_buffer_deinit(&r.bytes);
    close(r.fd);
    if (!err && r.failure) {
        err = hf_fail(error, HF_E_SYSTEM, "%s: line %llu: %s", path,
                      (unsigned long long)r.source.position + 1, strerror(r.failure));
    }
    return err;
}
