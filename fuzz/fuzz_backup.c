/* A backup file: any bytes are read to their end without reading past them, and a file that
 * is written, with one byte changed anywhere, never gives a record that was not in it. */

#include "cache/backup_reader.h"

#include "core/alloc.h"
#include "core/assert.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS = 4 };

static hf_err read_memory(void *ctx, uint64_t at, void *to, size_t size)
{
    const struct hf_bytes *bytes = ctx;
    hf_assert(at <= bytes->size && size <= bytes->size - at);
    if (size) memcpy(to, (const uint8_t *)bytes->data + at, size);
    return HF_OK;
}

/* True when every record is one of the expected, if there are any. */
static bool read_all(struct hf_bytes bytes, const struct hf_backup_record *expected,
                     uint64_t *records, bool *whole)
{
    const struct hf_backup_input   input = { bytes.size, read_memory, &bytes };
    const struct hf_backup_watcher nobody = { 0 };
    struct hf_backup_reader        r;
    struct hf_backup_record        record;
    bool                           is_known = true;
    *records = 0;
    *whole = false;
    if (hf_backup_reader_open(&r, &hf_allocator_default, &input, &nobody, NULL)) return true;
    while (hf_backup_reader_next(&r, NULL) == HF_OK) {
        while (hf_backup_reader_record(&r, &record)) {
            bool is_one = !expected;
            for (int i = 0; expected && i < RECORDS; i++) {
                is_one |= expected[i].key.size == record.key.size &&
                          expected[i].value.size == record.value.size &&
                          memcmp(expected[i].key.data, record.key.data, record.key.size) ==
                              0 &&
                          memcmp(expected[i].value.data, record.value.data,
                                 record.value.size) == 0;
            }
            is_known &= is_one;
        }
    }
    *records = r.records;
    *whole = hf_backup_reader_is_whole(&r);
    hf_backup_reader_deinit(&r);
    return is_known;
}

static const struct hf_backup_head origin = { .token = 1, .name_size = 4, .name = "a@1:" };

static void add_block(struct hf_buffer *file, const struct hf_backup_record *records,
                      uint32_t count)
{
    unsigned char          head[HF_BACKUP_BLOCK_HEAD_SIZE] = { 0 };
    const size_t           at = hf_buffer_size(file);
    struct hf_backup_block block = { .is_end = !records, .cursor = RECORDS };
    bool                   good = !hf_buffer_append(file, head, sizeof head);
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t place = hf_buffer_size(file);
        good &= !hf_backup_record_write(&records[i], hf_backup_seed(&origin) + place, file);
    }
    hf_assert(good);
    block.records = count;
    block.size = hf_buffer_size(file) - at - sizeof head;
    hf_backup_block_write(&block, hf_backup_seed(&origin) + at,
                          (unsigned char *)hf_buffer_bytes(file) + at);
}

/* Four records of the input in two blocks, and the byte that the input chooses changed. */
static void check_written(const uint8_t *data, size_t size)
{
    const size_t            part = size / (RECORDS * 2);
    struct hf_backup_record records[RECORDS];
    struct hf_buffer        file;
    uint64_t                count;
    bool                    whole;
    hf_buffer_init(&file, &hf_allocator_default, SIZE_MAX / 2);
    for (size_t i = 0; i < RECORDS; i++) {
        records[i] = (struct hf_backup_record){ { data + 2 * i * part, part },
                                                { data + (2 * i + 1) * part, part },
                                                (int64_t)i };
    }
    hf_assert(!hf_backup_head_write(&origin, &file));
    add_block(&file, records, 1);
    add_block(&file, records + 1, RECORDS - 1);
    add_block(&file, NULL, 0);

    uint8_t              *bytes = (uint8_t *)hf_buffer_bytes(&file);
    const struct hf_bytes all = { bytes, hf_buffer_size(&file) };
    hf_assert(read_all(all, records, &count, &whole) && whole && count == RECORDS);

    const size_t at = (data[0] | (size_t)data[1] << 8) % all.size;
    bytes[at] ^= data[2] ? data[2] : 1;
    hf_assert(read_all(all, records, &count, &whole) && !whole);

    bytes[at] ^= data[2] ? data[2] : 1;
    hf_assert(read_all((struct hf_bytes){ bytes, at }, records, &count, &whole) && !whole);
    hf_buffer_deinit(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t count;
    bool     whole;
    hf_assert(read_all((struct hf_bytes){ data, size }, NULL, &count, &whole));
    if (size >= 3) check_written(data, size);
    return 0;
}
