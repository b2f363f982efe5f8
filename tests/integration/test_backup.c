#include "core/wall_clock.h"
#include "support/cache_fixture.h"
#include "support/test.h"
#include "support/wait.h"

#include <holdfast/backup.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { N = 3000, LARGE = 500 * 1000 };

struct fixture {
    struct cache_fixture cache;
    char                 folder[64];
    char                 path[128];
    char                 partial[160];
    int                  damages;
    uint64_t             damaged_at;
    int                  steps_left; /* Progress ends it when none is; below 0: never. */
    int                  kill_in;    /* The server, in so many steps; 0: not. */
};

static void set_up(struct fixture *f)
{
    *f = (struct fixture){ .folder = "/tmp/holdfast-backup.XXXXXX", .steps_left = -1 };
    cache_fixture_open(&f->cache, NULL);
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/file", f->folder);
    snprintf(f->partial, sizeof f->partial, "%s.partial", f->path);
}

static void tear_down(struct fixture *f)
{
    (void)unlink(f->path);
    (void)unlink(f->partial);
    assert_int_equal(rmdir(f->folder), 0);
    cache_fixture_close(&f->cache);
}

static void fill(struct fixture *f, const char *text)
{
    static char            names[N][24], values[N][48];
    static struct hf_bytes keys[N], texts[N];
    static hf_err          errs[N];
    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "key:%d", i);
        snprintf(values[i], sizeof values[i], "%s %d", text, i);
        keys[i] = hf_str(names[i]);
        texts[i] = hf_str(values[i]);
    }
    assert_int_equal(
        hf_cache_set_many(f->cache.cache, NULL, keys, texts, N, NULL, errs, &f->cache.error),
        HF_OK);
}

static void expect(struct fixture *f, int i, const char *text)
{
    char key[24], value[48];
    snprintf(key, sizeof key, "key:%d", i);
    snprintf(value, sizeof value, "%s %d", text, i);
    assert_int_equal(cache_fixture_expect(&f->cache, key, value), HF_OK);
}

static int count(struct fixture *f)
{
    int found = 0;
    for (int i = 0; i < N; i++) {
        char key[24];
        snprintf(key, sizeof key, "key:%d", i);
        found += hf_cache_exists(f->cache.cache, NULL, hf_str(key), NULL) == HF_OK;
    }
    return found;
}

/* As if the server had lost its data: without a word to the client. */
static void lose_everything(struct fixture *f)
{
    redis_server_do(f->cache.server, "FLUSHALL");
}

static hf_err backup(struct fixture *f, struct hf_backup_report *report)
{
    return hf_cache_backup(f->cache.cache, NULL, NULL, f->path, report, &f->cache.error);
}

static void note_damage(const struct hf_backup_damage *damage, void *ctx)
{
    struct fixture *f = ctx;
    if (f->damages++ == 0) f->damaged_at = damage->offset;
    assert_true(damage->size > 0 || damage->what[0]);
}

static bool go_on(struct fixture *f)
{
    if (f->kill_in > 0 && --f->kill_in == 0) redis_server_kill(f->cache.server);
    return f->steps_left < 0 || f->steps_left-- > 0;
}

static bool on_backup(const struct hf_backup_report *report, void *ctx)
{
    assert_true(report->bytes > 0);
    return go_on(ctx);
}

static bool on_restore(const struct hf_restore_report *report, void *ctx)
{
    assert_true(report->offset <= report->size);
    return go_on(ctx);
}

static struct hf_restore restoring(struct fixture *f)
{
    return (struct hf_restore){ .damage = note_damage, .progress = on_restore, .ctx = f };
}

static hf_err restore(struct fixture *f, struct hf_restore_report *report)
{
    const struct hf_restore how = restoring(f);
    *report = (struct hf_restore_report){ 0 };
    f->damages = 0;
    return hf_cache_restore(f->cache.cache, NULL, &how, f->path, report, &f->cache.error);
}

static void what_was_lost_comes_back_as_it_was(void **state)
{
    (void)state;
    static char              large[LARGE];
    struct fixture           f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    struct stat              file;
    struct hf_value         *value;
    hf_duration              ttl;
    const struct hf_set      how = { .ttl = hf_seconds(500) };
    set_up(&f);
    fill(&f, "first");
    memset(large, 'x', sizeof large);
    assert_int_equal(hf_cache_set(f.cache.cache, NULL, hf_bytes("\0\xff\n", 3),
                                  hf_bytes(large, sizeof large), &how, &f.cache.error),
                     HF_OK);
    assert_int_equal(backup(&f, &done), HF_OK);
    assert_int_equal(done.entries, N + 1);
    assert_int_equal(done.skipped, 0);
    assert_int_equal(stat(f.path, &file), 0);
    assert_int_equal(file.st_size, done.bytes);
    assert_int_equal(file.st_mode & 07777, 0600);
    assert_int_not_equal(access(f.partial, F_OK), 0);

    lose_everything(&f);
    assert_int_equal(restore(&f, &back), HF_OK);
    assert_int_equal(back.restored, N + 1);
    assert_int_equal(back.entries, N + 1);
    assert_int_equal(back.offset, back.size);
    for (int i = 0; i < N; i += 7) expect(&f, i, "first");
    assert_int_equal(count(&f), N);
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
    tear_down(&f);
}

static void entries_are_bound_anew_to_a_namespace_that_is_another(void **state)
{
    (void)state;
    struct fixture           f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    set_up(&f);
    fill(&f, "first");
    assert_int_equal(backup(&f, &done), HF_OK);
    assert_int_equal(hf_cache_clear(f.cache.cache, NULL, &f.cache.error), HF_OK);
    assert_int_equal(count(&f), 0);
    assert_int_equal(restore(&f, &back), HF_OK);
    assert_int_equal(back.restored, N); /* What is left of the cleared ones is no obstacle. */
    assert_int_equal(count(&f), N);
    expect(&f, 42, "first");
    tear_down(&f);
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
    struct fixture           f;
    struct hf_backup_report  done;
    struct hf_restore_report back = { 0 };
    set_up(&f);
    fill(&f, "first");
    assert_int_equal(backup(&f, &done), HF_OK);
    wait_until_wall_clock_moves();
    assert_int_equal(cache_fixture_set(&f.cache, "key:5", "newer"), HF_OK);
    assert_int_equal(hf_cache_delete(f.cache.cache, NULL, hf_str("key:6"), NULL), HF_OK);
    redis_server_do(f.cache.server, "SET t@0:key:7 somebody-elses");

    assert_int_equal(restore(&f, &back), HF_OK);
    assert_int_equal(back.restored, 2);
    assert_int_equal(back.kept, N - 2);
    assert_int_equal(cache_fixture_expect(&f.cache, "key:5", "newer"), HF_OK);
    expect(&f, 6, "first");
    expect(&f, 7, "first");

    struct hf_restore how = restoring(&f);
    how.overwrite = true;
    back = (struct hf_restore_report){ 0 };
    assert_int_equal(
        hf_cache_restore(f.cache.cache, NULL, &how, f.path, &back, &f.cache.error), HF_OK);
    assert_int_equal(back.restored, N);
    expect(&f, 5, "first");
    tear_down(&f);
}

static void an_older_entry_is_overwritten(void **state)
{
    (void)state;
    struct fixture           f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    char                     older[160];
    set_up(&f);
    snprintf(older, sizeof older, "%s/older", f.folder);
    assert_int_equal(cache_fixture_set(&f.cache, "a", "old"), HF_OK);
    assert_int_equal(hf_cache_backup(f.cache.cache, NULL, NULL, older, &done, &f.cache.error),
                     HF_OK);
    wait_until_wall_clock_moves();
    assert_int_equal(cache_fixture_set(&f.cache, "a", "new"), HF_OK);
    assert_int_equal(backup(&f, &done), HF_OK);

    lose_everything(&f);
    back = (struct hf_restore_report){ 0 };
    assert_int_equal(
        hf_cache_restore(f.cache.cache, NULL, NULL, older, &back, &f.cache.error), HF_OK);
    assert_int_equal(cache_fixture_expect(&f.cache, "a", "old"), HF_OK);
    assert_int_equal(restore(&f, &back), HF_OK);
    assert_int_equal(back.restored, 1);
    assert_int_equal(cache_fixture_expect(&f.cache, "a", "new"), HF_OK);
    (void)unlink(older);
    tear_down(&f);
}

static bool has_expired(void *ctx)
{
    struct fixture *f = ctx;
    return hf_cache_exists(f->cache.cache, NULL, hf_str("short"), NULL) == HF_MISS;
}

static void what_has_expired_since_is_left_out(void **state)
{
    (void)state;
    struct fixture           f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    const struct hf_set      how = { .ttl = hf_ms(300) };
    set_up(&f);
    assert_int_equal(cache_fixture_set(&f.cache, "long", "v"), HF_OK);
    assert_int_equal(
        hf_cache_set(f.cache.cache, NULL, hf_str("short"), hf_str("v"), &how, &f.cache.error),
        HF_OK);
    assert_int_equal(backup(&f, &done), HF_OK);
    assert_int_equal(done.entries, 2);
    assert_true(wait_until(has_expired, &f, hf_seconds(20)));
    lose_everything(&f);
    assert_int_equal(restore(&f, &back), HF_OK);
    assert_int_equal(back.restored, 1);
    assert_int_equal(back.expired, 1);
    assert_int_equal(cache_fixture_expect(&f.cache, "short", "v"), HF_MISS);
    tear_down(&f);
}

static void what_is_no_live_entry_is_left_out(void **state)
{
    (void)state;
    struct fixture          f;
    struct hf_backup_report done;
    set_up(&f);
    assert_int_equal(cache_fixture_set(&f.cache, "cleared", "v"), HF_OK);
    assert_int_equal(hf_cache_clear(f.cache.cache, NULL, &f.cache.error), HF_OK);
    assert_int_equal(cache_fixture_set(&f.cache, "good", "v"), HF_OK);
    assert_int_equal(cache_fixture_set(&f.cache, "damaged", "value"), HF_OK);
    redis_server_do(f.cache.server, "SETRANGE t@0:damaged 65 !");
    redis_server_do(f.cache.server, "SET t@0:foreign text");
    redis_server_do(f.cache.server, "HSET t@0:hash field value");
    redis_server_do(f.cache.server, "SET other value");
    assert_int_equal(backup(&f, &done), HF_OK);
    assert_int_equal(done.entries, 1);
    assert_int_equal(done.skipped, 4);
    tear_down(&f);
}

static void flip(struct fixture *f, long at)
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
    struct fixture           f;
    struct hf_backup_report  done;
    struct hf_restore_report back, seen = { 0 };
    set_up(&f);
    fill(&f, "first");
    assert_int_equal(backup(&f, &done), HF_OK);
    assert_int_equal(hf_backup_verify(NULL, f.path, &seen, &f.cache.error), HF_OK);
    assert_int_equal(seen.entries, N);

    const long in_a_value = (long)done.bytes - 32 - 2; /* Of the last record. */
    flip(&f, in_a_value);
    seen = (struct hf_restore_report){ 0 };
    assert_int_equal(hf_backup_verify(NULL, f.path, &seen, &f.cache.error), HF_E_INVALID);
    assert_int_equal(seen.entries, N - 1);
    assert_int_equal(seen.damages, 1);

    lose_everything(&f);
    assert_int_equal(restore(&f, &back), HF_E_INVALID);
    assert_int_equal(back.restored, N - 1);
    assert_int_equal(f.damages, 1);
    assert_in_range((uint64_t)in_a_value - f.damaged_at, 0, 200);
    assert_int_equal(count(&f), N - 1);
    flip(&f, in_a_value);

    assert_int_equal(truncate(f.path, (off_t)done.bytes / 2), 0);
    lose_everything(&f);
    assert_int_equal(restore(&f, &back), HF_E_INVALID);
    assert_in_range(back.restored, N * 4 / 10, N * 6 / 10);
    assert_int_equal(f.damages, 1);
    assert_int_equal(count(&f), back.restored);
    tear_down(&f);
}

static void an_unfinished_backup_is_gone_on_with(void **state)
{
    (void)state;
    static char              large[100 * 1000];
    struct fixture           f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    struct hf_backup         how = { .progress = on_backup, .ctx = &f, .resume = true };
    set_up(&f);
    fill(&f, "first");
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
    assert_true(done.entries > 0 && done.entries < N);
    assert_int_equal(access(f.partial, F_OK), 0);
    assert_int_not_equal(access(f.path, F_OK), 0);

    f.steps_left = -1;
    assert_int_equal(
        hf_cache_backup(f.cache.cache, NULL, &how, f.path, &done, &f.cache.error), HF_OK);
    assert_true(done.resumed);
    assert_true(done.entries >= N + 20);
    lose_everything(&f);
    assert_int_equal(restore(&f, &back), HF_OK);
    assert_int_equal(back.restored, N + 20);
    assert_int_equal(count(&f), N);
    tear_down(&f);
}

static void what_is_of_no_use_to_go_on_with_is_begun_anew(void **state)
{
    (void)state;
    struct fixture          f;
    struct hf_backup_report done;
    struct hf_backup        how = { .resume = true };
    set_up(&f);
    fill(&f, "first");
    FILE *file = fopen(f.partial, "we");
    assert_non_null(file);
    for (int i = 0; i < 100000; i++) fputs("something else", file);
    fclose(file);
    assert_int_equal(chmod(f.partial, 0644), 0);
    assert_int_equal(
        hf_cache_backup(f.cache.cache, NULL, &how, f.path, &done, &f.cache.error), HF_OK);
    assert_false(done.resumed);
    assert_int_equal(done.entries, N);

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
    tear_down(&f);
}

static void goes_on_after_an_outage(void **state)
{
    (void)state;
    struct fixture           f;
    struct hf_backup_report  done;
    struct hf_restore_report back = { 0 };
    const struct hf_call     call = { .timeout = hf_ms(300) };
    const struct hf_backup   how = { .progress = on_backup, .ctx = &f };
    const struct hf_restore  restore_how = restoring(&f);
    set_up(&f);
    fill(&f, "first");
    assert_int_equal(backup(&f, &done), HF_OK);

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
    assert_int_equal(back.restored, N); /* In all, of which the first ones were lost again. */
    assert_true(count(&f) > 0 && count(&f) < N);
    assert_int_equal(restore(&f, &back), HF_OK);
    assert_int_equal(count(&f), N);
    tear_down(&f);
}

static void a_full_server_ends_a_restore(void **state)
{
    (void)state;
    struct fixture           f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    set_up(&f);
    fill(&f, "first");
    assert_int_equal(backup(&f, &done), HF_OK);
    redis_server_do(f.cache.server, "DEL t@0:key:1");
    redis_server_do(f.cache.server, "CONFIG SET maxmemory 1");
    assert_int_equal(restore(&f, &back), HF_E_OOM);
    assert_int_equal(back.restored, 0);
    tear_down(&f);
}

static void another_cache_is_refused_unless_told_so(void **state)
{
    (void)state;
    struct fixture                f;
    struct hf_backup_report       done;
    struct hf_restore_report      back = { 0 };
    struct hf_cache              *other;
    struct hf_value              *value;
    struct hf_restore             how;
    const struct hf_cache_options next = { .key_prefix = "t", .version = 2 };
    set_up(&f);
    how = restoring(&f);
    assert_int_equal(hf_cache_open(f.cache.client, &next, &other, NULL), HF_OK);
    assert_int_equal(cache_fixture_set(&f.cache, "a", "A"), HF_OK);
    assert_int_equal(backup(&f, &done), HF_OK);
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
    tear_down(&f);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    struct fixture           f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    set_up(&f);
    assert_int_equal(restore(&f, &back), HF_E_SYSTEM);
    assert_int_equal(mkfifo(f.path, 0600), 0);
    assert_int_equal(restore(&f, &back), HF_E_INVALID);
    assert_int_equal(rename(f.path, f.partial), 0);
    assert_int_equal(backup(&f, &done), HF_E_INVALID);
    assert_int_equal(unlink(f.partial), 0);
    assert_int_equal(symlink("/dev/null", f.partial), 0);
    assert_int_equal(backup(&f, &done), HF_E_SYSTEM);
    assert_int_equal(unlink(f.partial), 0);
    assert_int_equal(
        hf_cache_backup(f.cache.cache, NULL, NULL, "/nowhere/x", &done, &f.cache.error),
        HF_E_SYSTEM);
    assert_int_equal(hf_backup_verify(NULL, f.folder, &back, &f.cache.error), HF_E_INVALID);
    tear_down(&f);
}

static void a_disk_that_is_full_leaves_the_old_backup(void **state)
{
    (void)state;
    struct fixture           f;
    struct hf_backup_report  done;
    struct hf_restore_report seen = { 0 };
    set_up(&f);
    fill(&f, "first");
    assert_int_equal(backup(&f, &done), HF_OK);
    const struct rlimit full = { 100000, RLIM_INFINITY },
                        free = { RLIM_INFINITY, RLIM_INFINITY };
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    const hf_err err = backup(&f, &done);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &free), 0);
    assert_int_equal(err, HF_E_SYSTEM);
    assert_int_equal(hf_backup_verify(NULL, f.path, &seen, &f.cache.error), HF_OK);
    assert_int_equal(seen.entries, N);
    tear_down(&f);
}

static void any_request_for_memory_may_fail(void **state)
{
    (void)state;
    struct fixture           f;
    struct hf_backup_report  done;
    struct hf_restore_report back;
    hf_err                   err = HF_E_NOMEM;
    set_up(&f);
    assert_int_equal(cache_fixture_set(&f.cache, "a", "A"), HF_OK);
    for (long nth = 1; err && nth < 200; nth++) {
        atomic_store(&f.cache.memory.fail_at, atomic_load(&f.cache.memory.requests) + nth);
        err = backup(&f, &done);
        atomic_store(&f.cache.memory.fail_at, 0);
    }
    assert_int_equal(err, HF_OK);
    lose_everything(&f);
    err = HF_E_NOMEM;
    for (long nth = 1; err && nth < 200; nth++) {
        atomic_store(&f.cache.memory.fail_at, atomic_load(&f.cache.memory.requests) + nth);
        err = restore(&f, &back);
        atomic_store(&f.cache.memory.fail_at, 0);
    }
    assert_int_equal(err, HF_OK);
    assert_int_equal(cache_fixture_expect(&f.cache, "a", "A"), HF_OK);
    tear_down(&f);
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
        cmocka_unit_test(of_a_damaged_file_the_rest_is_restored_and_the_place_told),
        cmocka_unit_test(an_unfinished_backup_is_gone_on_with),
        cmocka_unit_test(what_is_of_no_use_to_go_on_with_is_begun_anew),
        cmocka_unit_test(goes_on_after_an_outage),
        cmocka_unit_test(a_full_server_ends_a_restore),
        cmocka_unit_test(another_cache_is_refused_unless_told_so),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(a_disk_that_is_full_leaves_the_old_backup),
        cmocka_unit_test(any_request_for_memory_may_fail),
    };
    return RUN_TESTS(tests);
}
