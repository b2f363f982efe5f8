/* backup_writer.h - a backup file as it comes about: beside its place, then put there.
 *
 *     PATH.partial   head, block, block, ...        fsync, rename ->   PATH
 *
 * Threads:  none; the owner serialises.
 * Memory:   one block.
 * Errors:   HF_E_SYSTEM, HF_E_NOMEM; the partial file then stays to be gone on with. */

#ifndef HF_CACHE_BACKUP_WRITER_H
#define HF_CACHE_BACKUP_WRITER_H

#include "cache/backup_format.h"

enum { HF_BACKUP_BLOCK_SIZE = 256 * 1024 };

struct hf_backup_writer {
    const struct hf_allocator *allocator;
    char                      *path; /* Of the finished file ... */
    char                      *partial;
    int                        fd;
    uint64_t                   seed; /* Of the checksums. */
    uint64_t                   size; /* Of the file so far. */
    uint64_t                   records;
    uint64_t                   cursor; /* Where SCAN goes on behind the blocks there are. */
    struct hf_buffer           block;  /* Records, behind room for the block's head. */
    uint32_t                   block_records;
};

/* Begins anew or, where *resumed says so then, behind the last whole block of what there is
 * of the same cache and server. On HF_OK hf_backup_writer_close() must follow. */
HF_NODISCARD hf_err hf_backup_writer_open(struct hf_backup_writer   *w,
                                          const struct hf_allocator *a, const char *path,
                                          const struct hf_backup_head *head, bool resume,
                                          bool *resumed, struct hf_error *error);

/* Frees; the partial file stays. */
void hf_backup_writer_close(struct hf_backup_writer *w);

/* cursor: where to go on if this is the last record that gets into a block. */
HF_NODISCARD hf_err hf_backup_writer_add(struct hf_backup_writer       *w,
                                         const struct hf_backup_record *record,
                                         uint64_t cursor, struct hf_error *error);

/* All that SCAN gave before this cursor was added. */
HF_NODISCARD hf_err hf_backup_writer_step(struct hf_backup_writer *w, uint64_t cursor,
                                          struct hf_error *error);

/* The end, on the disk and in its place. */
HF_NODISCARD hf_err hf_backup_writer_finish(struct hf_backup_writer *w,
                                            struct hf_error         *error);

#endif
