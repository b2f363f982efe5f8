/* backup_reader.h - a backup read block by block, over what is damaged and up to where it is
 * cut.
 *
 *     err = hf_backup_reader_open(&r, a, &input, &damage, &error);
 *     while ((err = hf_backup_reader_next(&r, &error)) == HF_OK) {
 *         while (hf_backup_reader_record(&r, &record)) use(&record);
 *     }
 *     whole = err == HF_MISS && hf_backup_reader_is_whole(&r);
 *
 * Threads:  none; the owner serialises.
 * Memory:   one block: some 256 KiB, or one value. A block that claims more than the file has
 *           takes what the file has.
 * Errors:   HF_E_INVALID for what is no backup, HF_E_SYSTEM, HF_E_NOMEM. Damage is no error:
 *           it is told, and reading goes on behind it. */

#ifndef HF_CACHE_BACKUP_READER_H
#define HF_CACHE_BACKUP_READER_H

#include "cache/backup_format.h"

/* Where bytes come from. */
struct hf_backup_input {
    uint64_t size;
    /* Reads size bytes at a place; fewer than that is HF_E_SYSTEM. */
    hf_err (*read)(void *ctx, uint64_t at, void *to, size_t size);
    void *ctx;
};

/* Told for each stretch of the file that cannot be used. */
struct hf_backup_watcher {
    void (*damaged)(void *ctx, uint64_t at, uint64_t size, const char *what);
    void *ctx;
};

struct hf_backup_reader {
    struct hf_backup_head    head;
    uint64_t                 seed; /* Of the checksums. */
    struct hf_backup_input   input;
    struct hf_backup_watcher watcher;
    uint64_t                 next;  /* Place of the next block. */
    uint64_t                 begin; /* Place of what was read of this block. */
    struct hf_backup_block   block;
    struct hf_buffer         bytes; /* Behind the block's head. */
    size_t                   at;    /* In bytes. */
    uint32_t                 taken; /* Records, damaged ones too. */
    bool                     is_cut;
    bool                     is_partly; /* What is before was not read by this one. */
    bool                     has_end;   /* There is nothing behind what was read. */
    uint64_t                 records;
    uint64_t                 damages;
};

/* On HF_OK hf_backup_reader_deinit() must follow. */
HF_NODISCARD hf_err hf_backup_reader_open(struct hf_backup_reader        *r,
                                          const struct hf_allocator      *a,
                                          const struct hf_backup_input   *input,
                                          const struct hf_backup_watcher *watcher,
                                          struct hf_error                *error);

void hf_backup_reader_deinit(struct hf_backup_reader *r);

/* Goes on at a place where r->next was before; what is before that is taken for read. */
void hf_backup_reader_skip_to(struct hf_backup_reader *r, uint64_t at);

/* The next block; HF_MISS behind the last. r->next is then behind it. */
HF_NODISCARD hf_err hf_backup_reader_next(struct hf_backup_reader *r, struct hf_error *error);

/* The next whole record of the block; it lies in r->bytes. */
bool hf_backup_reader_record(struct hf_backup_reader *r, struct hf_backup_record *record);

/* Nothing was damaged, and the end was there. */
bool hf_backup_reader_is_whole(const struct hf_backup_reader *r);

#endif
