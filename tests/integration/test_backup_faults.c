#include "support/backup_fixture.h"
#include "support/test.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void flip(struct backup_fixture *f, long at)
{
    FILE *file = fopen(f->path, "r+be");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    const int c = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    fputc(c ^ 4, file);
    fclose(file);
}

static void of_a_damaged_file_the_rest_is_restored_and_the_place_told(void **state)
{
    (void)state;
    struct backup_fixture    f;
    struct hf_backup_report  done;
    struct hf_restore_report back, seen = { 0 };
    backup_fixture_open(&f);
    backup_fixture_fill(&f, "first");
    assert_int_equal(backup_fixture_backup(&f, &done), HF_OK);
    assert_int_equal(hf_backup_verify(NULL, f.path, &seen, &f.cache.error), HF_OK);
    assert_int_equal(seen.entries, BACKUP_ENTRIES);

    const long in_a_value = (long)done.bytes - 32 - 2; /* Of the last record. */
    flip(&f, in_a_value);
    seen = (struct hf_restore_report){ 0 };
    assert_int_equal(hf_backup_verify(NULL, f.path, &seen, &f.cache.error), HF_E_INVALID);
    assert_int_equal(seen.entries, BACKUP_ENTRIES - 1);
    assert_int_equal(seen.damages, 1);

    backup_fixture_lose(&f);
    assert_int_equal(backup_fixture_restore(&f, &back), HF_E_INVALID);
    assert_int_equal(back.restored, BACKUP_ENTRIES - 1);
    assert_int_equal(f.damages, 1);
    assert_in_range((uint64_t)in_a_value - f.damaged_at, 0, 200);
    assert_int_equal(backup_fixture_count(&f), BACKUP_ENTRIES - 1);
    flip(&f, in_a_value);

    assert_int_equal(truncate(f.path, (off_t)done.bytes / 2), 0);
    backup_fixture_lose(&f);
    assert_int_equal(backup_fixture_restore(&f, &back), HF_E_INVALID);
    assert_in_range(back.restored, BACKUP_ENTRIES * 4 / 10, BACKUP_ENTRIES * 6 / 10);
    assert_int_equal(f.damages, 1);
    assert_int_equal(backup_fixture_count(&f), back.restored);
    backup_fixture_close(&f);
}

static void an_unfinished_backup_is_gone_on_with(void **state)
{
    (void)state;
    static char              large[100 * 1000];
    struct backup_fixture    f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    struct hf_backup         how = { .progress = backup_fixture_on_backup,
                                     .ctx = &f,
                                     .resume = true };
    backup_fixture_open(&f);
    backup_fixture_fill(&f, "first");
    for (int i = 0; i < 20; i++) { /* So that blocks come about early. */
        char key[24];
        snprintf(key, sizeof key, "large:%d", i);
        assert_int_equal(hf_cache_set(f.cache.cache, NULL, hf_str(key),
                                      hf_bytes(large, sizeof large), NULL, &f.cache.error),
                         HF_OK);
    }
    f.steps_left = 3;
    assert_int_equal(
        hf_cache_backup(f.cache.cache, NULL, &how, f.path, &done, &f.cache.error), HF_MISS);
    assert_true(done.entries > 0 && done.entries < BACKUP_ENTRIES);
    assert_int_equal(access(f.partial, F_OK), 0);
    assert_int_not_equal(access(f.path, F_OK), 0);

    f.steps_left = -1;
    assert_int_equal(
        hf_cache_backup(f.cache.cache, NULL, &how, f.path, &done, &f.cache.error), HF_OK);
    assert_true(done.resumed);
    assert_true(done.entries >= BACKUP_ENTRIES + 20);
    backup_fixture_lose(&f);
    assert_int_equal(backup_fixture_restore(&f, &back), HF_OK);
    assert_int_equal(back.restored, BACKUP_ENTRIES + 20);
    assert_int_equal(backup_fixture_count(&f), BACKUP_ENTRIES);
    backup_fixture_close(&f);
}

static void what_is_of_no_use_to_go_on_with_is_begun_anew(void **state)
{
    (void)state;
    struct backup_fixture   f;
    struct hf_backup_report done;
    struct hf_backup        how = { .resume = true };
    backup_fixture_open(&f);
    backup_fixture_fill(&f, "first");
    FILE *file = fopen(f.partial, "we");
    assert_non_null(file);
    for (int i = 0; i < 100000; i++) fputs("something else", file);
    fclose(file);
    assert_int_equal(chmod(f.partial, 0644), 0);
    assert_int_equal(
        hf_cache_backup(f.cache.cache, NULL, &how, f.path, &done, &f.cache.error), HF_OK);
    assert_false(done.resumed);
    assert_int_equal(done.entries, BACKUP_ENTRIES);

    struct hf_restore_report seen = { 0 };
    struct stat              status;
    assert_int_equal(hf_backup_verify(NULL, f.path, &seen, &f.cache.error), HF_OK);
    assert_int_equal(stat(f.path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);

    /* A cursor of SCAN means nothing to a server that was started again. */
    assert_int_equal(rename(f.path, f.partial), 0);
    redis_server_restart(f.cache.server);
    assert_int_equal(hf_client_wait_ready(f.cache.client, hf_seconds(30), &f.cache.error),
                     HF_OK);
    assert_int_equal(cache_fixture_set(&f.cache, "only", "v"), HF_OK);
    assert_int_equal(
        hf_cache_backup(f.cache.cache, NULL, &how, f.path, &done, &f.cache.error), HF_OK);
    assert_false(done.resumed);
    assert_int_equal(done.entries, 1);
    backup_fixture_close(&f);
}

static void goes_on_after_an_outage(void **state)
{
    (void)state;
    struct backup_fixture    f;
    struct hf_backup_report  done;
    struct hf_restore_report back = { 0 };
    const struct hf_call     call = { .timeout = hf_ms(300) };
    const struct hf_backup   how = { .progress = backup_fixture_on_backup, .ctx = &f };
    const struct hf_restore  restore_how = backup_fixture_how(&f);
    backup_fixture_open(&f);
    backup_fixture_fill(&f, "first");
    assert_int_equal(backup_fixture_backup(&f, &done), HF_OK);

    f.kill_in = 2;
    hf_err err = hf_cache_backup(f.cache.cache, &call, &how, f.path, &done, &f.cache.error);
    assert_true(err != HF_OK && err != HF_MISS);
    struct hf_restore_report seen = { 0 };
    assert_int_equal(hf_backup_verify(NULL, f.path, &seen, &f.cache.error), HF_OK);

    redis_server_restart(f.cache.server); /* Empty. */
    assert_int_equal(hf_client_wait_ready(f.cache.client, hf_seconds(30), &f.cache.error),
                     HF_OK);
    f.kill_in = 1;
    err = hf_cache_restore(f.cache.cache, &call, &restore_how, f.path, &back, &f.cache.error);
    assert_true(err != HF_OK && err != HF_MISS);
    assert_true(back.offset > 0 && back.offset < back.size);

    redis_server_restart(f.cache.server);
    assert_int_equal(hf_client_wait_ready(f.cache.client, hf_seconds(30), &f.cache.error),
                     HF_OK);
    assert_int_equal(
        hf_cache_restore(f.cache.cache, NULL, &restore_how, f.path, &back, &f.cache.error),
        HF_OK);
    assert_int_equal(back.restored,
                     BACKUP_ENTRIES); /* In all, of which the first ones were lost again. */
    assert_true(backup_fixture_count(&f) > 0 && backup_fixture_count(&f) < BACKUP_ENTRIES);
    assert_int_equal(backup_fixture_restore(&f, &back), HF_OK);
    assert_int_equal(backup_fixture_count(&f), BACKUP_ENTRIES);
    backup_fixture_close(&f);
}

static void a_full_server_ends_a_restore(void **state)
{
    (void)state;
    struct backup_fixture    f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    backup_fixture_open(&f);
    backup_fixture_fill(&f, "first");
    assert_int_equal(backup_fixture_backup(&f, &done), HF_OK);
    redis_server_do(f.cache.server, "DEL t@0:key:1");
    redis_server_do(f.cache.server, "CONFIG SET maxmemory 1");
    assert_int_equal(backup_fixture_restore(&f, &back), HF_E_OOM);
    assert_int_equal(back.restored, 0);
    backup_fixture_close(&f);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    struct backup_fixture    f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    backup_fixture_open(&f);
    assert_int_equal(backup_fixture_restore(&f, &back), HF_E_SYSTEM);
    assert_int_equal(mkfifo(f.path, 0600), 0);
    assert_int_equal(backup_fixture_restore(&f, &back), HF_E_INVALID);
    assert_int_equal(rename(f.path, f.partial), 0);
    assert_int_equal(backup_fixture_backup(&f, &done), HF_E_INVALID);
    assert_int_equal(unlink(f.partial), 0);
    assert_int_equal(symlink("/dev/null", f.partial), 0);
    assert_int_equal(backup_fixture_backup(&f, &done), HF_E_SYSTEM);
    assert_int_equal(unlink(f.partial), 0);
    assert_int_equal(
        hf_cache_backup(f.cache.cache, NULL, NULL, "/nowhere/x", &done, &f.cache.error),
        HF_E_SYSTEM);
    assert_int_equal(hf_backup_verify(NULL, f.folder, &back, &f.cache.error), HF_E_INVALID);
    backup_fixture_close(&f);
}

static void a_disk_that_is_full_leaves_the_old_backup(void **state)
{
    (void)state;
    struct backup_fixture    f;
    struct hf_backup_report  done;
    struct hf_restore_report seen = { 0 };
    backup_fixture_open(&f);
    backup_fixture_fill(&f, "first");
    assert_int_equal(backup_fixture_backup(&f, &done), HF_OK);
    const struct rlimit full = { 100000, RLIM_INFINITY },
                        free = { RLIM_INFINITY, RLIM_INFINITY };
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    const hf_err err = backup_fixture_backup(&f, &done);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &free), 0);
    assert_int_equal(err, HF_E_SYSTEM);
    assert_int_equal(hf_backup_verify(NULL, f.path, &seen, &f.cache.error), HF_OK);
    assert_int_equal(seen.entries, BACKUP_ENTRIES);
    backup_fixture_close(&f);
}

static void any_request_for_memory_may_fail(void **state)
{
    (void)state;
    struct backup_fixture    f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    hf_err                   err = HF_E_NOMEM;
    backup_fixture_open(&f);
    assert_int_equal(cache_fixture_set(&f.cache, "a", "A"), HF_OK);
    for (long nth = 1; err && nth < 200; nth++) {
        atomic_store(&f.cache.memory.fail_at, atomic_load(&f.cache.memory.requests) + nth);
        err = backup_fixture_backup(&f, &done);
        atomic_store(&f.cache.memory.fail_at, 0);
    }
    assert_int_equal(err, HF_OK);
    backup_fixture_lose(&f);
    err = HF_E_NOMEM;
    for (long nth = 1; err && nth < 200; nth++) {
        atomic_store(&f.cache.memory.fail_at, atomic_load(&f.cache.memory.requests) + nth);
        err = backup_fixture_restore(&f, &back);
        atomic_store(&f.cache.memory.fail_at, 0);
    }
    assert_int_equal(err, HF_OK);
    assert_int_equal(cache_fixture_expect(&f.cache, "a", "A"), HF_OK);
    backup_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_damaged_file_the_rest_is_restored_and_the_place_told),
        cmocka_unit_test(an_unfinished_backup_is_gone_on_with),
        cmocka_unit_test(what_is_of_no_use_to_go_on_with_is_begun_anew),
        cmocka_unit_test(goes_on_after_an_outage),
        cmocka_unit_test(a_full_server_ends_a_restore),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(a_disk_that_is_full_leaves_the_old_backup),
        cmocka_unit_test(any_request_for_memory_may_fail),
    };
    return RUN_TESTS(tests);
}
