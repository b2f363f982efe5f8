#include "core/wall_clock.h"
#include "support/backup_fixture.h"
#include "support/test.h"
#include "support/wait.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGE = 500 * 1000 };

static void what_was_lost_comes_back_as_it_was(void **state)
{
    (void)state;
    static char              large[LARGE];
    struct backup_fixture    f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    struct stat              file;
    struct hf_value         *value;
    hf_duration              ttl;
    const struct hf_set      how = { .ttl = hf_seconds(500) };
    backup_fixture_open(&f);
    backup_fixture_fill(&f, "first");
    memset(large, 'x', sizeof large);
    assert_int_equal(hf_cache_set(f.cache.cache, NULL, hf_bytes("\0\xff\n", 3),
                                  hf_bytes(large, sizeof large), &how, &f.cache.error),
                     HF_OK);
    assert_int_equal(backup_fixture_backup(&f, &done), HF_OK);
    assert_int_equal(done.entries, BACKUP_ENTRIES + 1);
    assert_int_equal(done.skipped, 0);
    assert_int_equal(stat(f.path, &file), 0);
    assert_int_equal(file.st_size, done.bytes);
    assert_int_equal(file.st_mode & 07777, 0600);
    assert_int_not_equal(access(f.partial, F_OK), 0);

    backup_fixture_lose(&f);
    assert_int_equal(backup_fixture_restore(&f, &back), HF_OK);
    assert_int_equal(back.restored, BACKUP_ENTRIES + 1);
    assert_int_equal(back.entries, BACKUP_ENTRIES + 1);
    assert_int_equal(back.offset, back.size);
    for (int i = 0; i < BACKUP_ENTRIES; i += 7) backup_fixture_expect(&f, i, "first");
    assert_int_equal(backup_fixture_count(&f), BACKUP_ENTRIES);
    assert_int_equal(
        hf_cache_get(f.cache.cache, NULL, hf_bytes("\0\xff\n", 3), &value, &f.cache.error),
        HF_OK);
    assert_int_equal(hf_value_data(value).size, LARGE);
    assert_memory_equal(hf_value_data(value).data, large, LARGE);
    hf_value_release(value);
    assert_int_equal(
        hf_cache_ttl(f.cache.cache, NULL, hf_bytes("\0\xff\n", 3), &ttl, &f.cache.error),
        HF_OK);
    assert_true(ttl.ns > hf_seconds(400).ns && ttl.ns <= hf_seconds(500).ns);
    backup_fixture_close(&f);
}

static void entries_are_bound_anew_to_a_namespace_that_is_another(void **state)
{
    (void)state;
    struct backup_fixture    f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    backup_fixture_open(&f);
    backup_fixture_fill(&f, "first");
    assert_int_equal(backup_fixture_backup(&f, &done), HF_OK);
    assert_int_equal(hf_cache_clear(f.cache.cache, NULL, &f.cache.error), HF_OK);
    assert_int_equal(backup_fixture_count(&f), 0);
    assert_int_equal(backup_fixture_restore(&f, &back), HF_OK);
    assert_int_equal(back.restored,
                     BACKUP_ENTRIES); /* What is left of the cleared ones is no obstacle. */
    assert_int_equal(backup_fixture_count(&f), BACKUP_ENTRIES);
    backup_fixture_expect(&f, 42, "first");
    backup_fixture_close(&f);
}

static bool has_moved_on(void *ctx)
{
    const int64_t *since_ms = ctx;
    return hf_unix_ms() > *since_ms;
}

/* Entries are as old as their millisecond. */
static void wait_until_wall_clock_moves(void)
{
    int64_t since_ms = hf_unix_ms();
    assert_true(wait_until(has_moved_on, &since_ms, hf_seconds(10)));
}

static void what_is_newer_stays_unless_told_so(void **state)
{
    (void)state;
    struct backup_fixture    f;
    struct hf_backup_report  done;
    struct hf_restore_report back = { 0 };
    backup_fixture_open(&f);
    backup_fixture_fill(&f, "first");
    assert_int_equal(backup_fixture_backup(&f, &done), HF_OK);
    wait_until_wall_clock_moves();
    assert_int_equal(cache_fixture_set(&f.cache, "key:5", "newer"), HF_OK);
    assert_int_equal(hf_cache_delete(f.cache.cache, NULL, hf_str("key:6"), NULL), HF_OK);
    redis_server_do(f.cache.server, "SET t@0:key:7 somebody-elses");

    assert_int_equal(backup_fixture_restore(&f, &back), HF_OK);
    assert_int_equal(back.restored, 2);
    assert_int_equal(back.kept, BACKUP_ENTRIES - 2);
    assert_int_equal(cache_fixture_expect(&f.cache, "key:5", "newer"), HF_OK);
    backup_fixture_expect(&f, 6, "first");
    backup_fixture_expect(&f, 7, "first");

    struct hf_restore how = backup_fixture_how(&f);
    how.overwrite = true;
    back = (struct hf_restore_report){ 0 };
    assert_int_equal(
        hf_cache_restore(f.cache.cache, NULL, &how, f.path, &back, &f.cache.error), HF_OK);
    assert_int_equal(back.restored, BACKUP_ENTRIES);
    backup_fixture_expect(&f, 5, "first");
    backup_fixture_close(&f);
}

static void an_older_entry_is_overwritten(void **state)
{
    (void)state;
    struct backup_fixture    f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    char                     older[160];
    backup_fixture_open(&f);
    snprintf(older, sizeof older, "%s/older", f.folder);
    assert_int_equal(cache_fixture_set(&f.cache, "a", "old"), HF_OK);
    assert_int_equal(hf_cache_backup(f.cache.cache, NULL, NULL, older, &done, &f.cache.error),
                     HF_OK);
    wait_until_wall_clock_moves();
    assert_int_equal(cache_fixture_set(&f.cache, "a", "new"), HF_OK);
    assert_int_equal(backup_fixture_backup(&f, &done), HF_OK);

    backup_fixture_lose(&f);
    back = (struct hf_restore_report){ 0 };
    assert_int_equal(
        hf_cache_restore(f.cache.cache, NULL, NULL, older, &back, &f.cache.error), HF_OK);
    assert_int_equal(cache_fixture_expect(&f.cache, "a", "old"), HF_OK);
    assert_int_equal(backup_fixture_restore(&f, &back), HF_OK);
    assert_int_equal(back.restored, 1);
    assert_int_equal(cache_fixture_expect(&f.cache, "a", "new"), HF_OK);
    (void)unlink(older);
    backup_fixture_close(&f);
}

/* For the cache and for the server, which counts from the moment when the entry came. */
static bool has_expired(void *ctx)
{
    struct backup_fixture *f = ctx;
    return hf_cache_exists(f->cache.cache, NULL, hf_str("short"), NULL) == HF_MISS &&
           redis_server_info(f->cache.server, "expired_keys") == 1;
}

static void what_has_expired_since_is_left_out(void **state)
{
    (void)state;
    struct backup_fixture    f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    const struct hf_set      how = { .ttl = hf_ms(300) };
    backup_fixture_open(&f);
    assert_int_equal(cache_fixture_set(&f.cache, "long", "v"), HF_OK);
    assert_int_equal(
        hf_cache_set(f.cache.cache, NULL, hf_str("short"), hf_str("v"), &how, &f.cache.error),
        HF_OK);
    assert_int_equal(backup_fixture_backup(&f, &done), HF_OK);
    assert_int_equal(done.entries, 2);
    assert_true(wait_until(has_expired, &f, hf_seconds(20)));
    backup_fixture_lose(&f);
    assert_int_equal(backup_fixture_restore(&f, &back), HF_OK);
    assert_int_equal(back.restored, 1);
    assert_int_equal(back.expired, 1);
    assert_int_equal(cache_fixture_expect(&f.cache, "short", "v"), HF_MISS);
    backup_fixture_close(&f);
}

static void what_is_no_live_entry_is_left_out(void **state)
{
    (void)state;
    struct backup_fixture   f;
    struct hf_backup_report done;
    backup_fixture_open(&f);
    assert_int_equal(cache_fixture_set(&f.cache, "cleared", "v"), HF_OK);
    assert_int_equal(hf_cache_clear(f.cache.cache, NULL, &f.cache.error), HF_OK);
    assert_int_equal(cache_fixture_set(&f.cache, "good", "v"), HF_OK);
    assert_int_equal(cache_fixture_set(&f.cache, "damaged", "value"), HF_OK);
    redis_server_do(f.cache.server, "SETRANGE t@0:damaged 65 !");
    redis_server_do(f.cache.server, "SET t@0:foreign text");
    redis_server_do(f.cache.server, "HSET t@0:hash field value");
    redis_server_do(f.cache.server, "SET other value");
    assert_int_equal(backup_fixture_backup(&f, &done), HF_OK);
    assert_int_equal(done.entries, 1);
    assert_int_equal(done.skipped, 4);
    backup_fixture_close(&f);
}

static void another_cache_is_refused_unless_told_so(void **state)
{
    (void)state;
    struct backup_fixture         f;
    struct hf_backup_report       done;
    struct hf_restore_report      back = { 0 };
    struct hf_cache              *other;
    struct hf_value              *value;
    struct hf_restore             how;
    const struct hf_cache_options next = { .key_prefix = "t", .version = 2 };
    backup_fixture_open(&f);
    how = backup_fixture_how(&f);
    assert_int_equal(hf_cache_open(f.cache.client, &next, &other, NULL), HF_OK);
    assert_int_equal(cache_fixture_set(&f.cache, "a", "A"), HF_OK);
    assert_int_equal(backup_fixture_backup(&f, &done), HF_OK);
    assert_int_equal(hf_cache_restore(other, NULL, &how, f.path, &back, &f.cache.error),
                     HF_E_INVALID);
    assert_non_null(strstr(f.cache.error.detail, "\"t@0:\""));
    how.any_namespace = true;
    assert_int_equal(hf_cache_restore(other, NULL, &how, f.path, &back, &f.cache.error),
                     HF_OK);
    assert_int_equal(back.restored, 1);
    assert_int_equal(hf_cache_get(other, NULL, hf_str("a"), &value, &f.cache.error), HF_OK);
    hf_value_release(value);
    hf_cache_close(other);
    backup_fixture_close(&f);
}

/* Replaces the odd ones of the first half, deletes the even ones, and adds others. */
static bool change_some(const struct hf_backup_report *report, void *ctx)
{
    struct backup_fixture *f = ctx;
    (void)report;
    for (int i = f->steps_left; i < f->steps_left + 200 && i < BACKUP_ENTRIES / 2; i++) {
        char key[24], new_key[24];
        snprintf(key, sizeof key, "key:%d", i);
        snprintf(new_key, sizeof new_key, "new:%d", i);
        if (i % 2) {
            assert_int_equal(cache_fixture_set(&f->cache, key, key), HF_OK);
        } else {
            assert_int_equal(hf_cache_delete(f->cache.cache, NULL, hf_str(key), NULL), HF_OK);
        }
        assert_int_equal(cache_fixture_set(&f->cache, new_key, "new"), HF_OK);
    }
    f->steps_left += 200;
    return true;
}

static void what_stays_is_in_it_whatever_else_changes_meanwhile(void **state)
{
    (void)state;
    struct backup_fixture    f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    const struct hf_backup   how = { .progress = change_some, .ctx = &f };
    backup_fixture_open(&f);
    backup_fixture_fill(&f, "first");
    f.steps_left = 0;
    assert_int_equal(
        hf_cache_backup(f.cache.cache, NULL, &how, f.path, &done, &f.cache.error), HF_OK);
    assert_true(f.steps_left > 0);
    f.steps_left = -1;
    backup_fixture_lose(&f);
    assert_int_equal(backup_fixture_restore(&f, &back), HF_OK);
    for (int i = BACKUP_ENTRIES / 2; i < BACKUP_ENTRIES; i++) {
        backup_fixture_expect(&f, i, "first");
    }
    for (int i = 1; i < BACKUP_ENTRIES / 2; i += 2) { /* The old one or the new one. */
        char key[24];
        snprintf(key, sizeof key, "key:%d", i);
        assert_int_equal(hf_cache_exists(f.cache.cache, NULL, hf_str(key), NULL), HF_OK);
    }
    backup_fixture_close(&f);
}

static bool file_has(const char *path, const char *text)
{
    static char bytes[1024 * 1024];
    FILE       *file = fopen(path, "re");
    assert_non_null(file);
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    return memmem(bytes, size, text, strlen(text)) != NULL;
}

static void sealed_and_compressed_values_stay_so(void **state)
{
    (void)state;
    static char               text[20000];
    struct backup_fixture     f;
    struct hf_cache          *sealed, *other;
    struct hf_value          *value;
    struct hf_backup_report   done;
    struct hf_restore_report  back = { 0 };
    const struct hf_cache_key key = { .id = 1, .bytes = { 1, 2, 3 } };
    struct hf_cache_options   options = { .key_prefix = "sealed",
                                          .compression = HF_COMPRESSION_ZSTD,
                                          .keys = &key,
                                          .key_count = 1 };
    struct hf_restore         how;
    backup_fixture_open(&f);
    how = backup_fixture_how(&f);
    assert_int_equal(hf_cache_open(f.cache.client, &options, &sealed, NULL), HF_OK);
    options.key_prefix = "other";
    assert_int_equal(hf_cache_open(f.cache.client, &options, &other, NULL), HF_OK);
    for (size_t i = 0; i < sizeof text; i += 10) memcpy(text + i, "known text", 10);
    assert_int_equal(hf_cache_set(sealed, NULL, hf_str("k"), hf_bytes(text, sizeof text),
                                  NULL, &f.cache.error),
                     HF_OK);
    assert_int_equal(hf_cache_backup(sealed, NULL, NULL, f.path, &done, &f.cache.error),
                     HF_OK);
    assert_int_equal(done.entries, 1);
    assert_true(done.bytes < sizeof text / 10);
    assert_false(file_has(f.path, "known"));

    assert_int_equal(hf_cache_clear(sealed, NULL, &f.cache.error), HF_OK);
    assert_int_equal(hf_cache_restore(sealed, NULL, &how, f.path, &back, &f.cache.error),
                     HF_OK);
    assert_int_equal(back.restored, 1);
    assert_int_equal(hf_cache_get(sealed, NULL, hf_str("k"), &value, &f.cache.error), HF_OK);
    assert_int_equal(hf_value_data(value).size, sizeof text);
    assert_memory_equal(hf_value_data(value).data, text, sizeof text);
    hf_value_release(value);

    /* The seal is for its key and prefix. */
    back = (struct hf_restore_report){ 0 };
    how.any_namespace = true;
    assert_int_equal(hf_cache_restore(other, NULL, &how, f.path, &back, &f.cache.error),
                     HF_OK);
    assert_int_equal(back.restored, 0);
    assert_int_equal(back.bound, 1);
    hf_cache_close(sealed);
    hf_cache_close(other);
    backup_fixture_close(&f);
}

static void a_large_value_is_left_out_rather_than_cut(void **state)
{
    (void)state;
    static char             bytes[3 * 1024 * 1024];
    struct backup_fixture   f;
    struct hf_backup_report done;
    backup_fixture_open(&f);
    assert_int_equal(cache_fixture_set(&f.cache, "small", "v"), HF_OK);
    const int fd = open(f.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(
        hf_stream_put(f.cache.cache, NULL, hf_str("large"), fd, NULL, NULL, &f.cache.error),
        HF_OK);
    close(fd);
    assert_int_equal(backup_fixture_backup(&f, &done), HF_OK);
    assert_int_equal(done.entries, 1);
    assert_int_equal(done.skipped, 1);
    backup_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_lost_comes_back_as_it_was),
        cmocka_unit_test(entries_are_bound_anew_to_a_namespace_that_is_another),
        cmocka_unit_test(what_is_newer_stays_unless_told_so),
        cmocka_unit_test(an_older_entry_is_overwritten),
        cmocka_unit_test(what_has_expired_since_is_left_out),
        cmocka_unit_test(what_is_no_live_entry_is_left_out),
        cmocka_unit_test(another_cache_is_refused_unless_told_so),
        cmocka_unit_test(what_stays_is_in_it_whatever_else_changes_meanwhile),
        cmocka_unit_test(sealed_and_compressed_values_stay_so),
        cmocka_unit_test(a_large_value_is_left_out_rather_than_cut),
    };
    return RUN_TESTS(tests);
}
