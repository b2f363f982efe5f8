#include "cache/backup_writer.h"

#include "cache/backup_input.h"
#include "core/alloc.h"
#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char suffix[] = ".partial";

static hf_err fail(const struct hf_backup_writer *w, struct hf_error *error)
{
    return hf_fail(error, HF_E_SYSTEM, "%s: %s", w->partial, strerror(errno));
}

static hf_err write_all(struct hf_backup_writer *w, const void *data, size_t size,
                        struct hf_error *error)
{
    for (size_t done = 0; done < size;) {
        const ssize_t n = pwrite(w->fd, (const char *)data + done, size - done,
                                 (off_t)(w->size + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(w, error);
        done += (size_t)n;
    }
    w->size += size;
    return HF_OK;
}

static hf_err begin_block(struct hf_backup_writer *w)
{
    static const char room[HF_BACKUP_BLOCK_HEAD_SIZE];
    hf_buffer_clear(&w->block, 2 * HF_BACKUP_BLOCK_SIZE);
    w->block_records = 0;
    return hf_buffer_append(&w->block, room, sizeof room);
}

/* Writes the block, if there is anything in it. */
static hf_err end_block(struct hf_backup_writer *w, uint64_t cursor, struct hf_error *error)
{
    if (w->block_records == 0) return HF_OK;
    const struct hf_backup_block head = {
        .records = w->block_records,
        .size = hf_buffer_size(&w->block) - HF_BACKUP_BLOCK_HEAD_SIZE,
        .cursor = cursor,
    };
    unsigned char *bytes = (unsigned char *)hf_buffer_bytes(&w->block);
    hf_backup_block_write(&head, w->seed + w->size, bytes);
    hf_err err = write_all(w, bytes, hf_buffer_size(&w->block), error);
    if (err) return err;
    w->records += w->block_records;
    w->cursor = cursor;
    err = begin_block(w);
    return err ? hf_fail(error, err, "block") : HF_OK;
}

static bool is_same_origin(const struct hf_backup_head *a, const struct hf_backup_head *b)
{
    return a->token == b->token && a->server != 0 && a->server == b->server &&
           a->name_size == b->name_size && memcmp(a->name, b->name, a->name_size) == 0;
}

/* Takes over the whole blocks that are there. False when nothing of use is. */
static bool take_over(struct hf_backup_writer *w, const struct hf_backup_head *head)
{
    static const struct hf_backup_watcher nobody = { 0 };
    struct hf_backup_input                input;
    struct hf_backup_reader               r;
    struct hf_backup_record               record;
    if (hf_backup_input_of(&w->fd, &input)) return false;
    if (hf_backup_reader_open(&r, w->allocator, &input, &nobody, NULL)) return false;

    const bool is_ours = is_same_origin(&r.head, head);
    uint64_t   size = r.next;
    while (is_ours && hf_backup_reader_next(&r, NULL) == HF_OK) {
        while (hf_backup_reader_record(&r, &record)) continue;
        if (r.damages) break;
        size = r.next;
        w->records = r.records;
        w->cursor = r.block.cursor;
    }
    hf_backup_reader_deinit(&r);
    w->seed = r.seed;
    w->size = size;
    return is_ours && w->records > 0 && ftruncate(w->fd, (off_t)size) == 0;
}

static hf_err begin_file(struct hf_backup_writer *w, const struct hf_backup_head *head,
                         struct hf_error *error)
{
    if (ftruncate(w->fd, 0) != 0) return fail(w, error);
    w->seed = hf_backup_seed(head);
    w->size = w->records = w->cursor = 0;
    hf_buffer_clear(&w->block, SIZE_MAX);
    hf_err err = hf_backup_head_write(head, &w->block);
    if (err) return hf_fail(error, err, "head");
    return write_all(w, hf_buffer_bytes(&w->block), hf_buffer_size(&w->block), error);
}

/* Renaming would take the place of a device or a pipe. */
static hf_err check_target(const struct hf_backup_writer *w, struct hf_error *error)
{
    struct stat s;
    if (stat(w->path, &s) != 0 || S_ISREG(s.st_mode)) return HF_OK;
    return hf_fail(error, HF_E_INVALID, "%s: is not a file", w->path);
}

static hf_err open_partial(struct hf_backup_writer *w, const struct hf_backup_head *head,
                           bool resume, bool *resumed, struct hf_error *error)
{
    struct stat s;
    w->fd = open(w->partial, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (w->fd < 0 || fstat(w->fd, &s) != 0) return fail(w, error);
    if (!S_ISREG(s.st_mode))
        return hf_fail(error, HF_E_INVALID, "%s: is not a file", w->partial);
    if (fchmod(w->fd, 0600) != 0) return fail(w, error);

    const bool is_taken_over = resume && take_over(w, head);
    hf_err     err = is_taken_over ? HF_OK : begin_file(w, head, error);
    if (err) return err;
    err = begin_block(w);
    if (err) return hf_fail(error, err, "block");
    *resumed = is_taken_over;
    return HF_OK;
}

hf_err hf_backup_writer_open(struct hf_backup_writer *w, const struct hf_allocator *a,
                             const char *path, const struct hf_backup_head *head, bool resume,
                             bool *resumed, struct hf_error *error)
{
    const size_t size = strlen(path);
    *w = (struct hf_backup_writer){ .allocator = a, .fd = -1 };
    hf_buffer_init(&w->block, a, SIZE_MAX / 2);
    w->path = hf_copy_text(a, path, size);
    w->partial = hf_alloc(a, size + sizeof suffix);
    if (w->partial) {
        memcpy(w->partial, path, size);
        memcpy(w->partial + size, suffix, sizeof suffix);
    }
    if (!w->path || !w->partial) {
        hf_backup_writer_close(w);
        return hf_fail(error, HF_E_NOMEM, "path");
    }
    hf_err err = check_target(w, error);
    if (!err) err = open_partial(w, head, resume, resumed, error);
    if (err) hf_backup_writer_close(w);
    return err;
}

void hf_backup_writer_close(struct hf_backup_writer *w)
{
    if (w->fd >= 0) close(w->fd);
    hf_buffer_deinit(&w->block);
    hf_free(w->allocator, w->path);
    hf_free(w->allocator, w->partial);
}

hf_err hf_backup_writer_add(struct hf_backup_writer *w, const struct hf_backup_record *record,
                            uint64_t cursor, struct hf_error *error)
{
    const size_t size = hf_backup_record_size(record->key.size, record->value.size);
    hf_err       err = HF_OK;
    if (hf_buffer_size(&w->block) + size > HF_BACKUP_BLOCK_SIZE) {
        err = end_block(w, cursor, error);
    }
    if (err) return err;
    err = hf_backup_record_write(record, w->seed + w->size + hf_buffer_size(&w->block),
                                 &w->block);
    if (err) return hf_fail(error, err, "record of %zu bytes", size);
    w->block_records++;
    return HF_OK;
}

hf_err hf_backup_writer_step(struct hf_backup_writer *w, uint64_t cursor,
                             struct hf_error *error)
{
    if (hf_buffer_size(&w->block) < HF_BACKUP_BLOCK_SIZE / 2) return HF_OK;
    return end_block(w, cursor, error);
}

/* The folder too, so that the new name is on the disk. */
static hf_err put_in_place(struct hf_backup_writer *w, struct hf_error *error)
{
    char *slash = strrchr(w->path, '/');
    if (rename(w->partial, w->path) != 0) return fail(w, error);
    if (slash) slash[slash == w->path] = '\0';
    const int folder = open(slash ? w->path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return HF_OK; /* It cannot be opened to be synced; the file is there. */
    (void)fsync(folder);
    close(folder);
    return HF_OK;
}

hf_err hf_backup_writer_finish(struct hf_backup_writer *w, struct hf_error *error)
{
    unsigned char bytes[HF_BACKUP_BLOCK_HEAD_SIZE];
    hf_err        err = end_block(w, 0, error);
    if (err) return err;
    const struct hf_backup_block end = { .is_end = true, .cursor = w->records };
    hf_backup_block_write(&end, w->seed + w->size, bytes);
    err = write_all(w, bytes, sizeof bytes, error);
    if (err) return err;
    if (fsync(w->fd) != 0) return fail(w, error);
    return put_in_place(w, error);
}
