/* backup_format.h - what the bytes of a backup file mean, version 2.
 *
 *     head     0 "HFBACKUP"    8 version      12 size of the name   16 created, unix ms
 *             24 token        32 server's id  40 zero (16)          56 checksum
 *             64 name: what stands before every key, "<prefix>@<version>:"
 *     block    0 "HFB" 'B'     4 records       8 size of what follows
 *             16 cursor: where SCAN goes on behind this block       24 checksum
 *     record   0 key size      4 zero          8 value size         16 expires, unix ms
 *             24 checksum     32 key, value    of the key what stands behind the name; of the
 *                                              value the entry as it is in Redis
 *     block    0 "HFB" 'E'     ...             the end: 16 has the number of all records
 *
 * All little-endian. Checksums of blocks and records are seeded with the file's own and their
 * place in it, so that one which was moved, or stands in a value that somebody chose, is not
 * taken for one when it is looked for behind damage. Each record has its own, so that one
 * flipped bit costs one record, or where it hits a size the rest of that block.
 *
 * Threads:  any; pure.
 * Memory:   what is read points into the input. */

#ifndef HF_CACHE_BACKUP_FORMAT_H
#define HF_CACHE_BACKUP_FORMAT_H

#include "core/buffer.h"

#include <holdfast/bytes.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    HF_BACKUP_VERSION = 2,
    HF_BACKUP_HEAD_SIZE = 64,
    HF_BACKUP_NAME_MAX = 160,
    HF_BACKUP_BLOCK_HEAD_SIZE = 32,
    HF_BACKUP_RECORD_HEAD_SIZE = 32,
};

struct hf_backup_head {
    int64_t  created_ms;
    uint64_t token;
    uint64_t server; /* A hash of its run id; 0: not known. */
    size_t   name_size;
    char     name[HF_BACKUP_NAME_MAX];
};

enum hf_backup_status {
    HF_BACKUP_OK,
    HF_BACKUP_FOREIGN,       /* Not a backup. */
    HF_BACKUP_OTHER_VERSION, /* One that this library does not know. */
    HF_BACKUP_CUT,           /* Its end is missing. */
    HF_BACKUP_DAMAGED,
};

HF_NODISCARD hf_err hf_backup_head_write(const struct hf_backup_head *head,
                                         struct hf_buffer            *to);

/* Writes *head only on OK; its size in the file is HF_BACKUP_HEAD_SIZE and that of the name.
 */
HF_NODISCARD enum hf_backup_status hf_backup_head_read(struct hf_bytes        bytes,
                                                       struct hf_backup_head *head);

/* The file's own seed. That of a block or record is this plus its place in the file. */
uint64_t hf_backup_seed(const struct hf_backup_head *head);

struct hf_backup_block {
    bool     is_end;
    uint32_t records;
    uint64_t size; /* Of what follows the head. */
    uint64_t cursor;
};

void hf_backup_block_write(const struct hf_backup_block *block, uint64_t seed,
                           unsigned char bytes[HF_BACKUP_BLOCK_HEAD_SIZE]);

/* False for anything else than the head of a block that belongs there. */
HF_NODISCARD bool hf_backup_block_read(const unsigned char bytes[HF_BACKUP_BLOCK_HEAD_SIZE],
                                       uint64_t seed, struct hf_backup_block *block);

struct hf_backup_record {
    struct hf_bytes key;
    struct hf_bytes value;
    int64_t         expires_ms;
};

static inline size_t hf_backup_record_size(size_t key_size, size_t value_size)
{
    return HF_BACKUP_RECORD_HEAD_SIZE + key_size + value_size;
}

HF_NODISCARD hf_err hf_backup_record_write(const struct hf_backup_record *record,
                                           uint64_t seed, struct hf_buffer *to);

/* The record at *at, which is moved behind it; seed is that of the first byte. CUT: none is
 * left, for there are fewer bytes than it would need; DAMAGED: its checksum is wrong, and *at
 * is behind it if its sizes make sense. */
HF_NODISCARD enum hf_backup_status hf_backup_record_read(struct hf_bytes bytes, uint64_t seed,
                                                         size_t                  *at,
                                                         struct hf_backup_record *record);

#endif
