#include "cache/file.h"
#include "cache/stream.h"
#include "core/cancel.h"
#include "core/error.h"
#include "core/little_endian.h"
#include "core/rng.h"
#include "core/write_all.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* In front of the bytes: 'C', version, permission bits (2). */
enum { HEAD = 4, AT_MODE = 2, KIND = 'C', VERSION = 1, MODE_BITS = 0777 };

static hf_err fail_file(struct hf_error *error, hf_err err, const char *path,
                        const char *what)
{
    char text[HF_FILE_SHOWN];
    return hf_fail(error, err, "%s: %s", hf_file_shown(path, text), what);
}

/* ---- Into the cache ------------------------------------------------------------ */

static hf_err copy_in(struct hf_writer *writer, int fd, const char *path,
                      const struct stat *before, struct hf_error *error)
{
    const unsigned mode = before->st_mode & MODE_BITS;
    unsigned char  head[HEAD] = { KIND, VERSION };
    uint64_t       total = 0;
    struct stat    after;
    hf_put_u16(head + AT_MODE, (uint16_t)mode);
    hf_err err = hf_writer_write(writer, hf_bytes(head, sizeof head), error);
    while (!err) {
        void  *room;
        size_t size;
        err = hf_writer_room(writer, &room, &size, error);
        if (err) return err;
        const ssize_t got = read(fd, room, size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_file(error, HF_E_SYSTEM, path, strerror(errno));
        if (got == 0) break;
        hf_writer_filled(writer, (size_t)got);
        total += (size_t)got;
        if (total > (uint64_t)before->st_size) break;
    }
    if (err) return err;
    if (fstat(fd, &after) || total != (uint64_t)before->st_size ||
        hf_file_time(&after) != hf_file_time(before)) {
        return fail_file(error, HF_E_SYSTEM, path,
                         total < (uint64_t)before->st_size ? "shrank while it was read"
                                                           : "changed while it was read");
    }
    return HF_OK;
}

static hf_err file_store(struct hf_files *f, const struct hf_call *call, struct hf_bytes key,
                         const char *path, const struct hf_file_how *how,
                         struct hf_error *error)
{
    const bool          has_ttl = how && how->ttl.ns;
    const struct hf_set set = { .ttl = has_ttl ? how->ttl : hf_cache_default_ttl(f->cache) };
    struct hf_writer   *writer;
    struct stat         before;
    int                 fd;
    hf_err              err = hf_file_open(path, &fd, &before, error);
    if (err) return err;
    if ((uint64_t)before.st_size + HEAD > f->cache->large_size_max) {
        close(fd);
        return fail_file(error, HF_E_TOO_LARGE, path, "over large_size_max");
    }
    err = hf_writer_open(f->cache, call, key, &set, &writer, error);
    if (!err) {
        err = copy_in(writer, fd, path, &before, error);
        if (!err) err = hf_writer_commit(writer, error);
        hf_writer_close(writer);
    }
    close(fd);
    return err;
}

hf_err hf_file_store(struct hf_files *f, const struct hf_call *call, struct hf_bytes key,
                     const char *path, const struct hf_file_how *how, struct hf_error *error)
{
    const int    cancels = hf_cancel_defer(); /* Files are open. */
    const hf_err err = file_store(f, call, key, path, how, error);
    hf_cancel_restore(cancels);
    return err;
}

/* ---- Out of it ----------------------------------------------------------------- */

/* A file beside the target, to take its place. */
struct draft {
    int  folder;
    int  fd;
    char name[40];
};

static hf_err draft_open(struct draft *d, const char *path, struct hf_error *error)
{
    const char  *slash = strrchr(path, '/');
    char         folder[HF_FILE_PATH_MAX];
    const size_t size = slash ? (size_t)(slash - path) : 0;
    if (size >= sizeof folder) return fail_file(error, HF_E_INVALID, path, "path too long");
    snprintf(folder, sizeof folder, "%.*s", (int)size, path);
    const char *where = size ? folder : slash ? "/" : ".";

    d->folder = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->folder < 0) return fail_file(error, HF_E_SYSTEM, path, strerror(errno));
    snprintf(d->name, sizeof d->name, ".holdfast-%016" PRIx64 ".part", hf_rng_seed());
    d->fd = openat(d->folder, d->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                   0600);
    if (d->fd >= 0) return HF_OK;
    const int reason = errno;
    close(d->folder);
    return fail_file(error, HF_E_SYSTEM, path, strerror(reason));
}

/* On HF_OK it takes its place; else it goes. */
static hf_err draft_close(struct draft *d, hf_err err, unsigned mode, const char *path,
                          struct hf_error *error)
{
    const char *slash = strrchr(path, '/');
    int         reason = 0;
    if (!err && (fchmod(d->fd, mode) || fsync(d->fd))) reason = errno;
    if (close(d->fd) && !err && !reason) reason = errno;
    if (!err && !reason &&
        renameat(d->folder, d->name, d->folder, slash ? slash + 1 : path)) {
        reason = errno;
    }
    if (reason) err = fail_file(error, HF_E_SYSTEM, path, strerror(reason));
    if (err) (void)unlinkat(d->folder, d->name, 0);
    close(d->folder);
    return err;
}

static hf_err first_piece(struct hf_reader *reader, struct hf_bytes *piece, unsigned *mode,
                          struct hf_error *error)
{
    const hf_err err = hf_reader_next(reader, piece, error);
    if (err) return err;
    const unsigned char *head = piece->data;
    if (piece->size < HEAD || head[0] != KIND || head[1] != VERSION) {
        return hf_fail(error, HF_E_TYPE, "not the content of a file");
    }
    *mode = hf_take_u16(head + AT_MODE) & MODE_BITS;
    *piece = hf_bytes(head + HEAD, piece->size - HEAD);
    return HF_OK;
}

static hf_err copy_out(struct hf_reader *reader, const char *path, struct hf_error *error)
{
    struct hf_bytes piece;
    struct draft    draft;
    unsigned        mode = 0;
    hf_err          err = first_piece(reader, &piece, &mode, error);
    if (!err) err = draft_open(&draft, path, error);
    if (err) return err;
    do {
        if (!hf_write_all(draft.fd, piece)) {
            err = fail_file(error, HF_E_SYSTEM, path, strerror(errno));
        }
        if (!err) err = hf_reader_next(reader, &piece, error);
    } while (!err && piece.size);
    return draft_close(&draft, err, mode, path, error);
}

static hf_err file_fetch(struct hf_files *f, const struct hf_call *call, struct hf_bytes key,
                         const char *path, struct hf_error *error)
{
    struct hf_reader *reader;
    hf_err            err = hf_reader_open(f->cache, call, key, &reader, error);
    if (err) return err;
    err = copy_out(reader, path, error);
    hf_reader_close(reader);
    return err;
}

hf_err hf_file_fetch(struct hf_files *f, const struct hf_call *call, struct hf_bytes key,
                     const char *path, struct hf_error *error)
{
    const int    cancels = hf_cancel_defer(); /* Files are open. */
    const hf_err err = file_fetch(f, call, key, path, error);
    hf_cancel_restore(cancels);
    return err;
}

hf_err hf_file_delete(struct hf_files *f, const struct hf_call *call, struct hf_bytes key,
                      struct hf_error *error)
{
    return hf_stream_delete(f->cache, call, key, error);
}
