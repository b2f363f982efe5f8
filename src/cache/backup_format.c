#include "cache/backup_format.h"

#include "core/assert.h"
#include "core/hash.h"
#include "core/little_endian.h"

#include <string.h>

enum head_offset {
    AT_VERSION = 8,
    AT_NAME_SIZE = 12,
    AT_CREATED = 16,
    AT_TOKEN = 24,
    AT_SERVER = 32,
    AT_HEAD_CHECKSUM = 56,
};

enum block_offset {
    AT_KIND = 3,
    AT_RECORDS = 4,
    AT_SIZE = 8,
    AT_CURSOR = 16,
    AT_BLOCK_CHECKSUM = 24,
};

enum record_offset {
    AT_KEY_SIZE = 0,
    AT_VALUE_SIZE = 8,
    AT_EXPIRES = 16,
    AT_RECORD_CHECKSUM = 24,
};

static const char head_magic[AT_VERSION] = { 'H', 'F', 'B', 'A', 'C', 'K', 'U', 'P' };
static const char block_magic[AT_KIND] = { 'H', 'F', 'B' };

static uint64_t checksum_of_head(const unsigned char *head, struct hf_bytes name)
{
    return hf_hash64(name, hf_hash64(hf_bytes(head, AT_HEAD_CHECKSUM), 0));
}

static void encode_head(const struct hf_backup_head *head,
                        unsigned char                bytes[HF_BACKUP_HEAD_SIZE])
{
    hf_assert(head->name_size <= HF_BACKUP_NAME_MAX);
    memset(bytes, 0, HF_BACKUP_HEAD_SIZE);
    memcpy(bytes, head_magic, sizeof head_magic);
    hf_put_u32(bytes + AT_VERSION, HF_BACKUP_VERSION);
    hf_put_u32(bytes + AT_NAME_SIZE, (uint32_t)head->name_size);
    hf_put_u64(bytes + AT_CREATED, (uint64_t)head->created_ms);
    hf_put_u64(bytes + AT_TOKEN, head->token);
    hf_put_u64(bytes + AT_SERVER, head->server);
    hf_put_u64(bytes + AT_HEAD_CHECKSUM,
               checksum_of_head(bytes, hf_bytes(head->name, head->name_size)));
}

uint64_t hf_backup_seed(const struct hf_backup_head *head)
{
    unsigned char bytes[HF_BACKUP_HEAD_SIZE];
    encode_head(head, bytes);
    return hf_take_u64(bytes + AT_HEAD_CHECKSUM);
}

hf_err hf_backup_head_write(const struct hf_backup_head *head, struct hf_buffer *to)
{
    unsigned char bytes[HF_BACKUP_HEAD_SIZE];
    encode_head(head, bytes);
    const hf_err err = hf_buffer_append(to, bytes, sizeof bytes);
    return err ? err : hf_buffer_append(to, head->name, head->name_size);
}

enum hf_backup_status hf_backup_head_read(struct hf_bytes bytes, struct hf_backup_head *head)
{
    const unsigned char *at = bytes.data;
    if (bytes.size < AT_VERSION || memcmp(at, head_magic, sizeof head_magic) != 0) {
        return HF_BACKUP_FOREIGN;
    }
    if (bytes.size < HF_BACKUP_HEAD_SIZE) return HF_BACKUP_CUT;
    if (hf_take_u32(at + AT_VERSION) != HF_BACKUP_VERSION) return HF_BACKUP_OTHER_VERSION;

    const size_t name_size = hf_take_u32(at + AT_NAME_SIZE);
    if (name_size > HF_BACKUP_NAME_MAX) return HF_BACKUP_DAMAGED;
    if (bytes.size - HF_BACKUP_HEAD_SIZE < name_size) return HF_BACKUP_CUT;

    const struct hf_bytes name = hf_bytes(at + HF_BACKUP_HEAD_SIZE, name_size);
    if (hf_take_u64(at + AT_HEAD_CHECKSUM) != checksum_of_head(at, name)) {
        return HF_BACKUP_DAMAGED;
    }
    *head = (struct hf_backup_head){
        .created_ms = (int64_t)hf_take_u64(at + AT_CREATED),
        .token = hf_take_u64(at + AT_TOKEN),
        .server = hf_take_u64(at + AT_SERVER),
        .name_size = name_size,
    };
    memcpy(head->name, name.data, name_size);
    return HF_BACKUP_OK;
}

void hf_backup_block_write(const struct hf_backup_block *block, uint64_t seed,
                           unsigned char bytes[HF_BACKUP_BLOCK_HEAD_SIZE])
{
    memcpy(bytes, block_magic, sizeof block_magic);
    bytes[AT_KIND] = block->is_end ? 'E' : 'B';
    hf_put_u32(bytes + AT_RECORDS, block->records);
    hf_put_u64(bytes + AT_SIZE, block->size);
    hf_put_u64(bytes + AT_CURSOR, block->cursor);
    hf_put_u64(bytes + AT_BLOCK_CHECKSUM,
               hf_hash64(hf_bytes(bytes, AT_BLOCK_CHECKSUM), seed));
}

bool hf_backup_block_read(const unsigned char bytes[HF_BACKUP_BLOCK_HEAD_SIZE], uint64_t seed,
                          struct hf_backup_block *block)
{
    const unsigned char kind = bytes[AT_KIND];
    if (memcmp(bytes, block_magic, sizeof block_magic) != 0) return false;
    if (kind != 'B' && kind != 'E') return false;
    if (hf_take_u64(bytes + AT_BLOCK_CHECKSUM) !=
        hf_hash64(hf_bytes(bytes, AT_BLOCK_CHECKSUM), seed)) {
        return false;
    }
    const struct hf_backup_block read = {
        .is_end = kind == 'E',
        .records = hf_take_u32(bytes + AT_RECORDS),
        .size = hf_take_u64(bytes + AT_SIZE),
        .cursor = hf_take_u64(bytes + AT_CURSOR),
    };
    if (read.is_end && read.size) return false;
    *block = read;
    return true;
}

static uint64_t checksum_of_record(const unsigned char *head, struct hf_bytes key,
                                   struct hf_bytes value, uint64_t seed)
{
    const uint64_t sum = hf_hash64(hf_bytes(head, AT_RECORD_CHECKSUM), seed);
    return hf_hash64(value, hf_hash64(key, sum));
}

hf_err hf_backup_record_write(const struct hf_backup_record *record, uint64_t seed,
                              struct hf_buffer *to)
{
    unsigned char head[HF_BACKUP_RECORD_HEAD_SIZE] = { 0 };
    hf_put_u32(head + AT_KEY_SIZE, (uint32_t)record->key.size);
    hf_put_u64(head + AT_VALUE_SIZE, record->value.size);
    hf_put_u64(head + AT_EXPIRES, (uint64_t)record->expires_ms);
    hf_put_u64(head + AT_RECORD_CHECKSUM,
               checksum_of_record(head, record->key, record->value, seed));
    hf_err err = hf_buffer_reserve(
        to, hf_backup_record_size(record->key.size, record->value.size));
    if (!err) err = hf_buffer_append(to, head, sizeof head);
    if (!err) err = hf_buffer_append(to, record->key.data, record->key.size);
    return err ? err : hf_buffer_append(to, record->value.data, record->value.size);
}

enum hf_backup_status hf_backup_record_read(struct hf_bytes bytes, uint64_t seed, size_t *at,
                                            struct hf_backup_record *record)
{
    const unsigned char *head = (const unsigned char *)bytes.data + *at;
    size_t               left = bytes.size - *at;
    if (left < HF_BACKUP_RECORD_HEAD_SIZE) return HF_BACKUP_CUT;
    left -= HF_BACKUP_RECORD_HEAD_SIZE;

    const uint64_t key_size = hf_take_u32(head + AT_KEY_SIZE);
    const uint64_t value_size = hf_take_u64(head + AT_VALUE_SIZE);
    if (key_size > left || value_size > left - key_size) return HF_BACKUP_CUT;

    const unsigned char          *body = head + HF_BACKUP_RECORD_HEAD_SIZE;
    const struct hf_backup_record read = {
        .key = hf_bytes(body, key_size),
        .value = hf_bytes(body + key_size, value_size),
        .expires_ms = (int64_t)hf_take_u64(head + AT_EXPIRES),
    };
    seed += *at;
    *at += hf_backup_record_size(key_size, value_size);
    if (hf_take_u64(head + AT_RECORD_CHECKSUM) !=
        checksum_of_record(head, read.key, read.value, seed)) {
        return HF_BACKUP_DAMAGED;
    }
    *record = read;
    return HF_BACKUP_OK;
}
