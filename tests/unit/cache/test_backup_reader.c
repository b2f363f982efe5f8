#include "cache/backup_reader.h"

#include "support/counting_allocator.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

enum { BLOCKS = 4, RECORDS = 5, DAMAGES_MAX = 8, END_SIZE = HF_BACKUP_BLOCK_HEAD_SIZE };

/* A backup in memory: records "key B.R" with the value "value B.R". */
struct fixture {
    struct counting_allocator memory;
    struct hf_buffer          file;
    size_t                    blocks[BLOCKS + 1]; /* Where they begin; the end block last. */
    struct hf_error           error;
    bool                      seen[BLOCKS][RECORDS];
    int                       seen_count;
    int                       damages;
    uint64_t                  at[DAMAGES_MAX];
    uint64_t                  sizes[DAMAGES_MAX];
    bool                      whole;
};

static const struct hf_backup_head origin = {
    .created_ms = 5, .token = 6, .server = 7, .name_size = 4, .name = "app:"
};

/* No records: the end. */
static void add_records(struct fixture *f, const struct hf_backup_record *records,
                        uint32_t count)
{
    unsigned char          head[HF_BACKUP_BLOCK_HEAD_SIZE] = { 0 };
    const uint64_t         seed = hf_backup_seed(&origin);
    const size_t           at = hf_buffer_size(&f->file);
    struct hf_backup_block block = { .is_end = count == 0,
                                     .records = count,
                                     .cursor = count == 0 ? BLOCKS * RECORDS : 7 };
    assert_int_equal(hf_buffer_append(&f->file, head, sizeof head), HF_OK);
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t place = hf_buffer_size(&f->file);
        assert_int_equal(hf_backup_record_write(&records[i], seed + place, &f->file), HF_OK);
    }
    block.size = hf_buffer_size(&f->file) - at - sizeof head;
    hf_backup_block_write(&block, seed + at, (unsigned char *)hf_buffer_bytes(&f->file) + at);
}

static void add_block(struct fixture *f, int number)
{
    struct hf_backup_record records[RECORDS];
    char                    keys[RECORDS][32], values[RECORDS][32];
    f->blocks[number] = hf_buffer_size(&f->file);
    for (int i = 0; i < RECORDS; i++) {
        snprintf(keys[i], sizeof keys[i], "key %d.%d", number, i);
        snprintf(values[i], sizeof values[i], "value %d.%d", number, i);
        records[i] = (struct hf_backup_record){ hf_str(keys[i]), hf_str(values[i]),
                                                1000 + i };
    }
    add_records(f, records, number == BLOCKS ? 0 : RECORDS);
}

static void set_up(struct fixture *f)
{
    *f = (struct fixture){ 0 };
    counting_allocator_init(&f->memory);
    hf_buffer_init(&f->file, &f->memory.base, 1024 * 1024);
    assert_int_equal(hf_backup_head_write(&origin, &f->file), HF_OK);
    for (int i = 0; i <= BLOCKS; i++) add_block(f, i);
}

static void tear_down(struct fixture *f)
{
    hf_buffer_deinit(&f->file);
    assert_int_equal(f->memory.blocks, 0);
}

static hf_err read_memory(void *ctx, uint64_t at, void *to, size_t size)
{
    const struct hf_bytes *bytes = ctx;
    assert_true(at <= bytes->size && size <= bytes->size - at);
    if (size) memcpy(to, (const char *)bytes->data + at, size);
    return HF_OK;
}

static void note(void *ctx, uint64_t at, uint64_t size, const char *what)
{
    struct fixture *f = ctx;
    assert_true(f->damages < DAMAGES_MAX && what[0]);
    f->at[f->damages] = at;
    f->sizes[f->damages++] = size;
}

static hf_err read_first(struct fixture *f, size_t size)
{
    struct hf_bytes                bytes = hf_bytes(hf_buffer_bytes(&f->file), size);
    const struct hf_backup_input   input = { size, read_memory, &bytes };
    const struct hf_backup_watcher watcher = { note, f };
    struct hf_backup_reader        r;
    struct hf_backup_record        record;
    f->seen_count = f->damages = 0;
    memset(f->seen, 0, sizeof f->seen);
    hf_err err = hf_backup_reader_open(&r, &f->memory.base, &input, &watcher, &f->error);
    if (err) return err;
    while ((err = hf_backup_reader_next(&r, &f->error)) == HF_OK) {
        while (hf_backup_reader_record(&r, &record)) {
            const char *key = record.key.data, *value = record.value.data;
            const int   block = key[4] - '0', i = key[6] - '0';
            assert_int_equal(record.key.size, 7);
            assert_int_equal(record.value.size, 9);
            assert_memory_equal(key + 4, value + 6, 3);
            assert_int_equal(record.expires_ms, 1000 + i);
            assert_false(f->seen[block][i]);
            f->seen[block][i] = true;
            f->seen_count++;
        }
    }
    f->whole = hf_backup_reader_is_whole(&r);
    assert_true(f->whole == (f->damages == 0));
    hf_backup_reader_deinit(&r);
    return err;
}

static hf_err read_whole(struct fixture *f)
{
    return read_first(f, hf_buffer_size(&f->file));
}

static void a_whole_file_is_read_to_its_end(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    assert_int_equal(read_whole(&f), HF_MISS);
    assert_true(f.whole);
    assert_int_equal(f.seen_count, BLOCKS * RECORDS);
    tear_down(&f);
}

static void one_bit_anywhere_is_told_and_costs_one_block_at_most(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    const size_t size = hf_buffer_size(&f.file);
    for (size_t i = 0; i < size; i++) {
        char *at = hf_buffer_bytes(&f.file) + i;
        *at = (char)(*at ^ 1 << i % 8);
        const hf_err err = read_whole(&f);
        if (i < f.blocks[0]) {
            assert_int_equal(err, HF_E_INVALID);
        } else {
            assert_int_equal(err, HF_MISS);
            assert_false(f.whole);
            assert_true(f.seen_count >= (BLOCKS - 1) * RECORDS);
            assert_in_range(i, f.at[0], f.at[0] + f.sizes[0] - 1);
        }
        *at = (char)(*at ^ 1 << i % 8);
    }
    assert_int_equal(read_whole(&f), HF_MISS);
    assert_true(f.whole);
    tear_down(&f);
}

static void a_damaged_value_costs_its_record_only(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    const size_t first = f.blocks[1] + HF_BACKUP_BLOCK_HEAD_SIZE;
    const size_t size = HF_BACKUP_RECORD_HEAD_SIZE + 7 + 9;
    hf_buffer_bytes(&f.file)[first + 2 * size + HF_BACKUP_RECORD_HEAD_SIZE + 10] = '!';
    assert_int_equal(read_whole(&f), HF_MISS);
    assert_int_equal(f.seen_count, BLOCKS * RECORDS - 1);
    assert_false(f.seen[1][2]);
    assert_int_equal(f.damages, 1);
    assert_int_equal(f.at[0], first + 2 * size);
    assert_int_equal(f.sizes[0], size);
    tear_down(&f);
}

static void a_file_cut_anywhere_gives_what_is_before_the_cut(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    const size_t record = HF_BACKUP_RECORD_HEAD_SIZE + 7 + 9;
    for (size_t size = 0; size < hf_buffer_size(&f.file); size++) {
        const hf_err err = read_first(&f, size);
        if (size < f.blocks[0]) {
            assert_int_equal(err, HF_E_INVALID);
            continue;
        }
        int expected = 0;
        for (int i = 0; i < BLOCKS; i++) {
            const size_t begin = f.blocks[i] + HF_BACKUP_BLOCK_HEAD_SIZE;
            const size_t room = size > begin ? (size - begin) / record : 0;
            expected += room > RECORDS ? RECORDS : (int)room;
        }
        assert_int_equal(err, HF_MISS);
        assert_false(f.whole);
        assert_int_equal(f.seen_count, expected);
        assert_int_equal(f.damages, 1);
        assert_int_equal(f.at[0] + f.sizes[0], size);
    }
    tear_down(&f);
}

static void a_block_that_was_moved_is_not_taken(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    char        *bytes = hf_buffer_bytes(&f.file);
    const size_t size = f.blocks[2] - f.blocks[1];
    memcpy(bytes + f.blocks[1], bytes + f.blocks[2], size); /* Block 2 twice. */
    assert_int_equal(read_whole(&f), HF_MISS);
    assert_int_equal(f.seen_count, (BLOCKS - 1) * RECORDS);
    assert_int_equal(f.damages, 1);
    assert_int_equal(f.at[0], f.blocks[1]);
    assert_int_equal(f.sizes[0], size);
    tear_down(&f);
}

static void bytes_behind_the_end_are_told(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    const size_t size = hf_buffer_size(&f.file);
    assert_int_equal(hf_buffer_append(&f.file, "more", 4), HF_OK);
    assert_int_equal(read_whole(&f), HF_MISS);
    assert_int_equal(f.damages, 1);
    assert_int_equal(f.at[0], size);
    tear_down(&f);
}

/* With a checksum that is right: whoever made it, no more is allocated than the file has. */
static void a_block_that_claims_everything_gets_what_there_is(void **state)
{
    (void)state;
    struct fixture         f;
    struct hf_backup_block block = { .records = UINT32_MAX, .size = UINT64_MAX };
    set_up(&f);
    hf_backup_block_write(&block, hf_backup_seed(&origin) + f.blocks[0],
                          (unsigned char *)hf_buffer_bytes(&f.file) + f.blocks[0]);
    assert_int_equal(read_whole(&f), HF_MISS);
    assert_int_equal(f.seen_count, RECORDS);
    assert_true(atomic_load(&f.memory.bytes_peak) < 64 * 1024);
    tear_down(&f);
}

/* A file of one block of two records; the value of the second is a record of its own, with a
 * checksum of that seed, and the value's size of the first is damaged so that the next record
 * seems to begin there. Whether that one is given. */
static bool is_taken_in(uint64_t inner_seed)
{
    enum { INNER = 48 + HF_BACKUP_RECORD_HEAD_SIZE + 7, VALUE_SIZE = 8 };
    struct fixture          f = { 0 };
    struct hf_buffer        inner;
    struct hf_backup_reader r;
    struct hf_backup_record record = { hf_str("evil"), hf_str("news"), 1000 };
    bool                    is_taken = false;
    counting_allocator_init(&f.memory);
    hf_buffer_init(&f.file, &f.memory.base, 4096);
    hf_buffer_init(&inner, &f.memory.base, 4096);
    assert_int_equal(hf_backup_record_write(&record, inner_seed, &inner), HF_OK);
    assert_int_equal(hf_backup_head_write(&origin, &f.file), HF_OK);
    const struct hf_backup_record outer[] = {
        { hf_str("key 0.0"), hf_str("value 0.0"), 1000 },
        { hf_str("key 0.1"), hf_bytes(hf_buffer_bytes(&inner), hf_buffer_size(&inner)),
          1001 },
    };
    add_records(&f, outer, 2);
    const size_t begin = HF_BACKUP_HEAD_SIZE + origin.name_size + HF_BACKUP_BLOCK_HEAD_SIZE;
    ((char *)hf_buffer_bytes(&f.file))[begin + VALUE_SIZE] = INNER -
                                                             HF_BACKUP_RECORD_HEAD_SIZE - 7;

    struct hf_bytes bytes = hf_bytes(hf_buffer_bytes(&f.file), hf_buffer_size(&f.file));
    const struct hf_backup_input   input = { bytes.size, read_memory, &bytes };
    const struct hf_backup_watcher watcher = { note, &f };
    assert_int_equal(hf_backup_reader_open(&r, &f.memory.base, &input, &watcher, &f.error),
                     HF_OK);
    while (hf_backup_reader_next(&r, &f.error) == HF_OK) {
        while (hf_backup_reader_record(&r, &record)) {
            is_taken |= record.key.size == 4 && memcmp(record.key.data, "evil", 4) == 0;
        }
    }
    assert_true(f.damages > 0 && f.at[0] == begin);
    hf_backup_reader_deinit(&r);
    hf_buffer_deinit(&inner);
    tear_down(&f);
    return is_taken;
}

static void a_record_within_a_value_is_not_taken_after_damage(void **state)
{
    (void)state;
    const uint64_t begin = HF_BACKUP_HEAD_SIZE + origin.name_size + HF_BACKUP_BLOCK_HEAD_SIZE;
    const uint64_t inner = begin + 48 + HF_BACKUP_RECORD_HEAD_SIZE + 7;
    assert_true(is_taken_in(hf_backup_seed(&origin) + inner)); /* The trap is a good one. */
    assert_false(is_taken_in(0));
    assert_false(is_taken_in(inner));
    assert_false(is_taken_in(hf_backup_seed(&origin)));
    assert_false(is_taken_in(hf_backup_seed(&origin) + begin));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file_is_read_to_its_end),
        cmocka_unit_test(one_bit_anywhere_is_told_and_costs_one_block_at_most),
        cmocka_unit_test(a_damaged_value_costs_its_record_only),
        cmocka_unit_test(a_file_cut_anywhere_gives_what_is_before_the_cut),
        cmocka_unit_test(a_block_that_was_moved_is_not_taken),
        cmocka_unit_test(bytes_behind_the_end_are_told),
        cmocka_unit_test(a_record_within_a_value_is_not_taken_after_damage),
        cmocka_unit_test(a_block_that_claims_everything_gets_what_there_is),
    };
    return RUN_TESTS(tests);
}
