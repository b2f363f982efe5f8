#include "cache/backup_reader.h"

#include "core/error.h"

#include <string.h>

enum { WINDOW = 16 * 1024, KEEP = 2 * 1024 * 1024 };

static hf_err read_at(struct hf_backup_reader *r, uint64_t at, void *to, size_t size,
                      struct hf_error *error)
{
    const hf_err err = r->input.read(r->input.ctx, at, to, size);
    if (!err) return HF_OK;
    return hf_fail(error, err, "cannot read %zu bytes at %llu", size, (unsigned long long)at);
}

static void tell(struct hf_backup_reader *r, uint64_t at, uint64_t size, const char *what)
{
    r->damages++;
    if (r->watcher.damaged) r->watcher.damaged(r->watcher.ctx, at, size, what);
}

static hf_err refuse(enum hf_backup_status status, struct hf_error *error)
{
    static const char *const reasons[] = {
        [HF_BACKUP_FOREIGN] = "this is no backup",
        [HF_BACKUP_OTHER_VERSION] = "a backup of a version that is not known here",
        [HF_BACKUP_CUT] = "the file ends within its head",
        [HF_BACKUP_DAMAGED] = "the head of the file is damaged",
    };
    return hf_fail(error, HF_E_INVALID, "%s", reasons[status]);
}

hf_err hf_backup_reader_open(struct hf_backup_reader *r, const struct hf_allocator *a,
                             const struct hf_backup_input   *input,
                             const struct hf_backup_watcher *watcher, struct hf_error *error)
{
    unsigned char bytes[HF_BACKUP_HEAD_SIZE + HF_BACKUP_NAME_MAX];
    const size_t  size = input->size < sizeof bytes ? (size_t)input->size : sizeof bytes;
    *r = (struct hf_backup_reader){ .input = *input, .watcher = *watcher };
    const hf_err err = read_at(r, 0, bytes, size, error);
    if (err) return err;

    const enum hf_backup_status status = hf_backup_head_read(hf_bytes(bytes, size), &r->head);
    if (status) return refuse(status, error);
    r->seed = hf_backup_seed(&r->head);
    r->next = HF_BACKUP_HEAD_SIZE + r->head.name_size;
    hf_buffer_init(&r->bytes, a, SIZE_MAX / 2);
    return HF_OK;
}

void hf_backup_reader_deinit(struct hf_backup_reader *r)
{
    hf_buffer_deinit(&r->bytes);
}

void hf_backup_reader_skip_to(struct hf_backup_reader *r, uint64_t at)
{
    r->next = at;
    r->is_partly = true;
}

/* Puts r->next at the first block at or behind it, or at the end of the file. */
static hf_err find_block(struct hf_backup_reader *r, struct hf_error *error)
{
    unsigned char          window[WINDOW];
    struct hf_backup_block block;
    while (r->input.size - r->next >= HF_BACKUP_BLOCK_HEAD_SIZE) {
        const uint64_t left = r->input.size - r->next;
        const size_t   size = left < WINDOW ? (size_t)left : WINDOW;
        const hf_err   err = read_at(r, r->next, window, size, error);
        if (err) return err;
        for (size_t i = 0; i + HF_BACKUP_BLOCK_HEAD_SIZE <= size; i++) {
            if (!hf_backup_block_read(window + i, r->seed + r->next + i, &block)) continue;
            r->next += i;
            return HF_OK;
        }
        r->next += size - HF_BACKUP_BLOCK_HEAD_SIZE + 1;
    }
    r->next = r->input.size;
    return HF_OK;
}

/* What the file has of the block behind its head. */
static hf_err load(struct hf_backup_reader *r, struct hf_error *error)
{
    const uint64_t left = r->input.size - r->begin;
    const size_t   size = (size_t)(r->block.size < left ? r->block.size : left);
    r->is_cut = r->block.size > left;
    r->has_end = r->is_cut; /* Nothing can follow. */
    r->at = 0;
    r->taken = 0;
    hf_buffer_clear(&r->bytes, KEEP);
    hf_err err = hf_buffer_reserve(&r->bytes, size);
    if (err) return hf_fail(error, err, "block of %zu bytes", size);
    err = size ? read_at(r, r->begin, hf_buffer_end(&r->bytes), size, error) : HF_OK;
    if (err) return err;
    hf_buffer_extend(&r->bytes, size);
    r->next = r->begin + size;
    return HF_OK;
}

static hf_err end(struct hf_backup_reader *r)
{
    const uint64_t at = r->next;
    r->next += HF_BACKUP_BLOCK_HEAD_SIZE;
    r->has_end = true;
    if (!r->is_partly && r->block.cursor != r->records && r->damages == 0) {
        tell(r, at, HF_BACKUP_BLOCK_HEAD_SIZE, "records are missing");
    }
    if (r->next < r->input.size) {
        tell(r, r->next, r->input.size - r->next, "bytes behind the end");
        r->next = r->input.size;
    }
    return HF_MISS;
}

hf_err hf_backup_reader_next(struct hf_backup_reader *r, struct hf_error *error)
{
    unsigned char head[HF_BACKUP_BLOCK_HEAD_SIZE];
    if (r->has_end) return HF_MISS;
    for (;;) {
        const uint64_t at = r->next;
        const uint64_t left = r->input.size - at;
        hf_err         err = HF_OK;
        bool           is_block = false;
        if (left >= sizeof head) {
            err = read_at(r, at, head, sizeof head, error);
            if (err) return err;
            is_block = hf_backup_block_read(head, r->seed + at, &r->block);
        }
        if (is_block && r->block.is_end) return end(r);
        if (is_block) {
            r->begin = at + sizeof head;
            return load(r, error);
        }
        if (left >= sizeof head) err = find_block(r, error);
        if (err) return err;
        if (left >= sizeof head && r->next < r->input.size) {
            tell(r, at, r->next - at, "damaged");
            continue;
        }
        tell(r, at, left, "cut off: the end is missing");
        r->next = r->input.size;
        r->has_end = true;
        return HF_MISS;
    }
}

/* The rest of the block cannot be told into records. */
static bool give_up(struct hf_backup_reader *r)
{
    const size_t size = hf_buffer_size(&r->bytes);
    const bool   is_short = r->taken < r->block.records || r->at < size || r->is_cut;
    if (is_short) {
        tell(r, r->begin + r->at, size - r->at,
             r->is_cut ? "cut off: the end is missing" : "damaged up to the next block");
    }
    r->at = size;
    r->taken = r->block.records;
    r->is_cut = false;
    return false;
}

bool hf_backup_reader_record(struct hf_backup_reader *r, struct hf_backup_record *record)
{
    const size_t size = hf_buffer_size(&r->bytes);
    if (size == 0) return give_up(r);
    const struct hf_bytes bytes = hf_bytes(hf_buffer_bytes(&r->bytes), size);
    while (r->taken < r->block.records) {
        const size_t                at = r->at;
        const enum hf_backup_status status = hf_backup_record_read(bytes, r->seed + r->begin,
                                                                   &r->at, record);
        if (status == HF_BACKUP_CUT) return give_up(r);
        r->taken++;
        if (status == HF_BACKUP_OK) {
            r->records++;
            return true;
        }
        tell(r, r->begin + at, r->at - at, "a damaged record");
    }
    return give_up(r);
}

bool hf_backup_reader_is_whole(const struct hf_backup_reader *r)
{
    return r->has_end && r->damages == 0;
}
