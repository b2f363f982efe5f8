#include "cache/stream.h"
#include "core/cancel.h"
#include "core/error.h"
#include "core/write_all.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that was cut ends too early, and without an error. */
static hf_err check_size(int fd, const struct stat *before, struct hf_error *error)
{
    struct stat after;
    if (!S_ISREG(before->st_mode) || fstat(fd, &after)) return HF_OK;
    if (after.st_size >= before->st_size) return HF_OK;
    return hf_fail(error, HF_E_SYSTEM, "the file shrank while it was read");
}

/* Up to the end; *size may pass the limit by what one more write would refuse. */
static hf_err fill(struct hf_writer *writer, const struct hf_cache *cache, int fd,
                   uint64_t *total, struct hf_error *error)
{
    for (;;) {
        void        *room;
        size_t       size;
        const hf_err err = hf_writer_room(writer, &room, &size, error);
        if (err) return err;

        const ssize_t got = read(fd, room, size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return hf_fail(error, HF_E_SYSTEM, "read: %s", strerror(errno));
        if (got == 0) return HF_OK;
        if (*total + (size_t)got > cache->large_size_max) {
            return hf_fail(error, HF_E_TOO_LARGE, "large_size_max is %zu",
                           cache->large_size_max);
        }
        hf_writer_filled(writer, (size_t)got);
        *total += (size_t)got;
    }
}

static hf_err stream_put(struct hf_cache *cache, const struct hf_call *call,
                         struct hf_bytes key, int fd, const struct hf_set *how,
                         uint64_t *size, struct hf_error *error)
{
    struct hf_writer *writer;
    struct stat       before = { 0 };
    uint64_t          total = 0;
    hf_err            err = hf_writer_open(cache, call, key, how, &writer, error);
    if (err) return err;

    (void)!fstat(fd, &before); /* What is wrong with it, reading will say. */
    err = fill(writer, cache, fd, &total, error);
    if (!err) err = check_size(fd, &before, error);
    if (!err) err = hf_writer_commit(writer, error);
    hf_writer_close(writer);
    if (!err && size) *size = total;
    return err;
}

hf_err hf_stream_put(struct hf_cache *cache, const struct hf_call *call, struct hf_bytes key,
                     int fd, const struct hf_set *how, uint64_t *size, struct hf_error *error)
{
    const int    cancels = hf_cancel_defer();
    const hf_err err = stream_put(cache, call, key, fd, how, size, error);
    hf_cancel_restore(cancels);
    return err;
}

static hf_err stream_get(struct hf_cache *cache, const struct hf_call *call,
                         struct hf_bytes key, int fd, uint64_t *size, struct hf_error *error)
{
    struct hf_reader *reader;
    struct hf_bytes   piece = { 0 };
    hf_err            err = hf_reader_open(cache, call, key, &reader, error);
    if (err) return err;

    do {
        err = hf_reader_next(reader, &piece, error);
        if (!err && !hf_write_all(fd, piece)) {
            err = hf_fail(error, HF_E_SYSTEM, "write: %s", strerror(errno));
        }
    } while (!err && piece.size);
    if (!err && size) *size = hf_reader_size(reader);
    hf_reader_close(reader);
    return err;
}

hf_err hf_stream_get(struct hf_cache *cache, const struct hf_call *call, struct hf_bytes key,
                     int fd, uint64_t *size, struct hf_error *error)
{
    const int    cancels = hf_cancel_defer();
    const hf_err err = stream_get(cache, call, key, fd, size, error);
    hf_cancel_restore(cancels);
    return err;
}

hf_err hf_stream_delete(struct hf_cache *cache, const struct hf_call *call,
                        struct hf_bytes key, struct hf_error *error)
{
    struct hf_cache_op op = { .cache = cache, .name = "cache delete", .is_part = true };
    struct hf_manifest manifest = { 0 };
    hf_err             err = hf_cache_op_begin(&op, call, key);
    const bool         is_key = !err;
    if (is_key) (void)!hf_stream_peek(&op, &manifest);
    err = hf_cache_delete(cache, call, key, error);
    if ((!err || err == HF_MISS) && manifest.chunk_size) {
        hf_chunks_unlink(&op, &manifest.generation, hf_manifest_chunks(&manifest));
    }
    if (is_key) hf_key_deinit(&op.key);
    return err;
}
