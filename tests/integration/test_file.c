#include "support/cache_fixture.h"
#include "support/client_kit.h"
#include "support/test.h"
#include "support/wait.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_ROOM = 200 };

struct fixture {
    struct cache_fixture cache;
    struct hf_files     *files;
    char                 folder[64];
    struct hf_error      error;
};

static void set_up(struct fixture *f, const struct hf_files_options *options)
{
    static const struct hf_files_options this_host = { .host = "here" };
    *f = (struct fixture){ .folder = "/tmp/holdfast-file-XXXXXX" };
    cache_fixture_open(&f->cache, NULL);
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(
        hf_files_open(f->cache.client, options ? options : &this_host, &f->files, &f->error),
        HF_OK);
}

static const char *path_of(const struct fixture *f, const char *name)
{
    static char paths[4][PATH_ROOM];
    static int  next;
    char       *path = paths[next++ % 4];
    snprintf(path, PATH_ROOM, "%s/%s", f->folder, name);
    return path;
}

static int entries(const char *folder)
{
    DIR *d = opendir(folder);
    int  count = -2; /* Itself and its parent. */
    assert_non_null(d);
    while (readdir(d)) count++;
    closedir(d);
    return count;
}

static void remove_all(const char *folder)
{
    DIR                 *d = opendir(folder);
    const struct dirent *entry;
    while (d && (entry = readdir(d))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (unlinkat(dirfd(d), entry->d_name, 0)) {
            (void)unlinkat(dirfd(d), entry->d_name, AT_REMOVEDIR);
        }
    }
    if (d) closedir(d);
    (void)rmdir(folder);
}

static void tear_down(struct fixture *f)
{
    hf_files_close(f->files);
    cache_fixture_close(&f->cache);
    remove_all(f->folder);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* Of bytes that tell where they are. */
static void write_large(const char *path, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < size; i++) fputc((int)(i * 2654435761u >> 13 & 0xff), file);
    assert_int_equal(fclose(file), 0);
}

static bool are_same(const char *a, const char *b)
{
    FILE *files[] = { fopen(a, "r"), fopen(b, "r") };
    int   byte, other;
    assert_true(files[0] && files[1]);
    do {
        byte = fgetc(files[0]);
        other = fgetc(files[1]);
    } while (byte == other && byte != EOF);
    fclose(files[0]);
    fclose(files[1]);
    return byte == other;
}

static hf_err refer(struct fixture *f, const char *path)
{
    return hf_file_refer(f->files, NULL, hf_str("k"), path, NULL, &f->error);
}

static hf_err find(struct fixture *f)
{
    struct hf_file *file;
    const hf_err    err = hf_file_find(f->files, NULL, hf_str("k"), &file, &f->error);
    if (!err) hf_file_release(file);
    return err;
}

static int64_t stored(struct fixture *f)
{
    return client_int(f->cache.client, "EXISTS", "holdfast/files@0:k", NULL);
}

static void set_mtime(const char *path, int64_t s, int64_t ns)
{
    const struct timespec times[] = { { s, ns }, { s, ns } };
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* ---- References ---------------------------------------------------------------- */

static void a_file_is_found_with_all_that_was_said_of_it(void **state)
{
    (void)state;
    struct fixture  f;
    struct hf_file *file;
    struct stat     s;
    set_up(&f, NULL);
    const char              *path = path_of(&f, "line\nbreak");
    const struct hf_file_how how = { .check_content = true, .metadata = hf_str("type=pdf") };
    write_file(path, "result");
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(find(&f), HF_MISS);
    assert_int_equal(hf_file_refer(f.files, NULL, hf_str("k"), path, &how, &f.error), HF_OK);
    assert_int_equal(hf_file_find(f.files, NULL, hf_str("k"), &file, &f.error), HF_OK);
    assert_string_equal(hf_file_path(file), path);
    assert_int_equal(hf_file_size(file), 6);
    assert_int_equal(hf_file_mtime_ns(file),
                     s.st_mtim.tv_sec * INT64_C(1000000000) + s.st_mtim.tv_nsec);
    assert_int_equal(hf_file_metadata(file).size, 8);
    assert_memory_equal(hf_file_metadata(file).data, "type=pdf", 8);
    hf_file_release(file);

    assert_int_equal(hf_file_delete(f.files, NULL, hf_str("k"), &f.error), HF_OK);
    assert_int_equal(find(&f), HF_MISS);
    assert_int_equal(access(path, F_OK), 0);
    tear_down(&f);
}

static void a_file_that_is_gone_or_changed_is_a_miss_and_forgotten(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, NULL);
    const char *path = path_of(&f, "a");
    for (int way = 0; way < 4; way++) {
        write_file(path, "result");
        set_mtime(path, 1000, 5);
        assert_int_equal(refer(&f, path), HF_OK);
        assert_int_equal(find(&f), HF_OK);
        assert_int_equal(stored(&f), 1);
        if (way == 0) unlink(path);
        if (way == 1) set_mtime(path, 1000, 6); /* A nanosecond later. */
        if (way == 2) {
            write_file(path, "result, longer");
            set_mtime(path, 1000, 5);
        }
        if (way == 3) {
            unlink(path);
            mkdir(path, 0700);
        }
        assert_int_equal(find(&f), HF_MISS);
        assert_int_equal(stored(&f), 0);
    }
    rmdir(path);
    tear_down(&f);
}

static void another_content_of_the_same_size_and_time_is_seen_when_asked_for(void **state)
{
    (void)state;
    struct fixture           f;
    const struct hf_file_how how = { .check_content = true };
    set_up(&f, NULL);
    const char *path = path_of(&f, "a");
    write_file(path, "result");
    set_mtime(path, 1000, 5);
    assert_int_equal(hf_file_refer(f.files, NULL, hf_str("k"), path, &how, NULL), HF_OK);
    write_file(path, "forged");
    set_mtime(path, 1000, 5);
    assert_int_equal(find(&f), HF_MISS);
    assert_int_equal(stored(&f), 0);
    tear_down(&f);
}

static void what_is_no_file_is_refused_at_once(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, NULL);
    const char *fifo = path_of(&f, "fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    const char *const     no_files[] = { f.folder, fifo, "/dev/null" };
    const struct hf_bytes key = hf_str("k");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(refer(&f, no_files[i]), HF_E_INVALID);
        assert_int_equal(hf_file_store(f.files, NULL, key, no_files[i], NULL, &f.error),
                         HF_E_INVALID);
    }
    assert_int_equal(refer(&f, path_of(&f, "not\nthere")), HF_E_SYSTEM);
    assert_null(strchr(f.error.detail, '\n'));
    assert_int_equal(stored(&f), 0);
    static char        big[HF_FILE_METADATA_MAX + 1];
    struct hf_file_how how = { .metadata = hf_bytes(big, sizeof big) };
    write_file(path_of(&f, "a"), "x");
    assert_int_equal(hf_file_refer(f.files, NULL, key, path_of(&f, "a"), &how, &f.error),
                     HF_E_TOO_LARGE);
    how.metadata.size--;
    assert_int_equal(hf_file_refer(f.files, NULL, key, path_of(&f, "a"), &how, &f.error),
                     HF_OK);
    tear_down(&f);
}

static void another_hosts_reference_is_a_miss_and_stays(void **state)
{
    (void)state;
    struct fixture                f;
    struct hf_files              *there;
    struct hf_file               *file;
    struct hf_files_cleaned       cleaned = { 0 };
    const struct hf_files_options options = { .host = "there" };
    set_up(&f, NULL);
    write_file(path_of(&f, "a"), "x");
    assert_int_equal(refer(&f, path_of(&f, "a")), HF_OK);
    assert_int_equal(hf_files_open(f.cache.client, &options, &there, NULL), HF_OK);
    unlink(path_of(&f, "a"));
    assert_int_equal(hf_file_find(there, NULL, hf_str("k"), &file, NULL), HF_MISS);
    assert_int_equal(hf_files_clean(there, NULL, &cleaned, &f.error), HF_OK);
    assert_int_equal(cleaned.references, 0);
    assert_int_equal(stored(&f), 1);
    assert_int_equal(hf_files_clean(f.files, NULL, &cleaned, &f.error), HF_OK);
    assert_int_equal(cleaned.references, 1);
    assert_int_equal(cleaned.deleted, 1);
    assert_int_equal(stored(&f), 0);
    hf_files_close(there);
    tear_down(&f);
}

static void a_shared_root_is_the_same_file_on_each_host(void **state)
{
    (void)state;
    struct fixture f;
    char           roots[2][80];
    set_up(&f, NULL);
    for (int i = 0; i < 2; i++) {
        snprintf(roots[i], sizeof roots[i], "%s/%d", f.folder, i);
        assert_int_equal(mkdir(roots[i], 0700), 0);
    }
    const struct hf_file_root     here = { "pool", roots[0] }, there = { "pool", roots[1] };
    const struct hf_files_options a = { .host = "a", .roots = &here, .root_count = 1 };
    const struct hf_files_options b = { .host = "b", .roots = &there, .root_count = 1 };
    struct hf_files              *on_a, *on_b;
    struct hf_file               *file;
    struct hf_files_cleaned       cleaned = { 0 };
    char                          first[90], second[90];
    snprintf(first, sizeof first, "%s/f", roots[0]);
    snprintf(second, sizeof second, "%s/f", roots[1]);
    assert_int_equal(hf_files_open(f.cache.client, &a, &on_a, &f.error), HF_OK);
    assert_int_equal(hf_files_open(f.cache.client, &b, &on_b, &f.error), HF_OK);

    write_file(first, "x");
    set_mtime(first, 1000, 1);
    assert_int_equal(hf_file_refer(on_a, NULL, hf_str("k"), first, NULL, &f.error), HF_OK);

    /* Not mounted on b: a miss, and nobody's orphan. */
    assert_int_equal(hf_file_find(on_b, NULL, hf_str("k"), &file, NULL), HF_MISS);
    assert_int_equal(hf_files_clean(on_b, NULL, &cleaned, NULL), HF_OK);
    assert_int_equal(hf_file_find(f.files, NULL, hf_str("k"), &file, NULL), HF_MISS);
    assert_int_equal(stored(&f), 1);

    write_file(second, "x"); /* Mounted now, as the same file. */
    set_mtime(second, 1000, 1);
    assert_int_equal(hf_file_find(on_b, NULL, hf_str("k"), &file, NULL), HF_OK);
    assert_string_equal(hf_file_path(file), second);
    hf_file_release(file);
    hf_files_close(on_a);
    hf_files_close(on_b);
    remove_all(roots[0]);
    remove_all(roots[1]);
    tear_down(&f);
}

static bool is_forgotten(void *ctx)
{
    return stored(ctx) == 0;
}

static void orphans_go_in_the_background(void **state)
{
    (void)state;
    struct fixture                f;
    const struct hf_files_options options = { .host = "here",
                                              .clean_interval = hf_seconds(1) };
    set_up(&f, &options);
    write_file(path_of(&f, "a"), "x");
    assert_int_equal(refer(&f, path_of(&f, "a")), HF_OK);
    unlink(path_of(&f, "a"));
    assert_true(wait_until(is_forgotten, &f, hf_seconds(20)));
    tear_down(&f);
}

static void settings_are_checked(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, NULL);
    const struct hf_file_root     nameless = { "", "/tmp" }, relative = { "a", "tmp" };
    const struct hf_files_options bad[] = {
        { .host = "no spaces" },
        { .host = "h", .roots = &nameless, .root_count = 1 },
        { .host = "h", .roots = &relative, .root_count = 1 },
        { .host = "h", .roots = &relative, .root_count = HF_FILE_ROOTS_MAX + 1 },
        { .host = "h", .key_prefix = "a@b" },
    };
    struct hf_files *files;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(hf_files_open(f.cache.client, &bad[i], &files, &f.error),
                         HF_E_INVALID);
    }
    const struct hf_files_options often = { .host = "h", .clean_interval = hf_ms(999) };
    assert_int_equal(hf_files_open(f.cache.client, &often, &files, &f.error), HF_E_RANGE);
    tear_down(&f);
}

/* ---- Contents ------------------------------------------------------------------ */

static void a_content_comes_back_with_its_permissions(void **state)
{
    (void)state;
    static const size_t   sizes[] = { 0, 1000, 3 * 1024 * 1024 + 5 };
    const struct hf_bytes key = hf_str("k");
    struct fixture        f;
    struct stat           s;
    set_up(&f, NULL);
    const char *from = path_of(&f, "from"), *to = path_of(&f, "to\n");
    for (size_t i = 0; i < 3; i++) {
        write_large(from, sizes[i]);
        assert_int_equal(chmod(from, i == 1 ? 0751 : 0640), 0);
        assert_int_equal(hf_file_store(f.files, NULL, key, from, NULL, &f.error), HF_OK);
        assert_int_equal(hf_file_fetch(f.files, NULL, key, to, &f.error), HF_OK);
        assert_true(are_same(from, to));
        assert_int_equal(stat(to, &s), 0);
        assert_int_equal(s.st_mode & 07777, i == 1 ? 0751 : 0640);
        assert_int_equal(entries(f.folder), 2);
    }
    assert_int_equal(find(&f), HF_E_TYPE);
    assert_int_equal(refer(&f, from), HF_OK);
    assert_int_equal(hf_file_fetch(f.files, NULL, key, to, &f.error), HF_E_TYPE);
    assert_int_equal(hf_file_fetch(f.files, NULL, hf_str("none"), to, &f.error), HF_MISS);
    assert_true(are_same(from, to));
    tear_down(&f);
}

static void what_cannot_be_written_leaves_everything_as_it_was(void **state)
{
    (void)state;
    const struct hf_bytes key = hf_str("k");
    struct fixture        f;
    set_up(&f, NULL);
    const char *from = path_of(&f, "from"), *to = path_of(&f, "to");
    write_large(from, 3 * 1024 * 1024);
    write_file(to, "before");
    assert_int_equal(hf_file_store(f.files, NULL, key, from, NULL, &f.error), HF_OK);
    assert_int_equal(
        hf_file_fetch(f.files, NULL, key, path_of(&f, "no/such/folder"), &f.error),
        HF_E_SYSTEM);
    assert_int_equal(hf_file_fetch(f.files, NULL, key, f.folder, &f.error), HF_E_SYSTEM);
    assert_int_equal(entries(f.folder), 2);

    /* A chunk is gone: what was written of it goes too. */
    assert_int_equal(client_int(f.cache.client, "EVAL",
                                "return redis.call('UNLINK', "
                                "redis.call('KEYS', 'holdfast/files@0/chunk:*:2')[1])",
                                "0", NULL),
                     1);
    assert_int_equal(hf_file_fetch(f.files, NULL, key, to, &f.error), HF_MISS);
    assert_int_equal(entries(f.folder), 2);
    FILE *file = fopen(to, "r");
    char  text[16] = "";
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_string_equal(text, "before");
    tear_down(&f);
}

static void a_file_over_the_limit_of_the_process_leaves_nothing(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, NULL);
    const char *from = path_of(&f, "from"), *to = path_of(&f, "to");
    write_large(from, 3 * 1024 * 1024);
    assert_int_equal(hf_file_store(f.files, NULL, hf_str("k"), from, NULL, &f.error), HF_OK);

    struct rlimit before, small;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 1500000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const hf_err err = hf_file_fetch(f.files, NULL, hf_str("k"), to, &f.error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(err, HF_E_SYSTEM);
    assert_int_equal(entries(f.folder), 1);
    assert_int_equal(hf_file_fetch(f.files, NULL, hf_str("k"), to, &f.error), HF_OK);
    assert_true(are_same(from, to));
    tear_down(&f);
}

enum { FULL_AS_EXPECTED = 0, NOT_AS_EXPECTED = 1, NO_MOUNT = 77 };

/* In a mount namespace of its own. */
static int fetch_onto_a_full_disk(const char *url, const char *folder)
{
    char target[PATH_ROOM];
    if (unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS)) return NO_MOUNT;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) return NO_MOUNT;
    if (mount("tmpfs", folder, "tmpfs", 0, "size=1m")) return NO_MOUNT;

    const struct hf_files_options options = { .host = "here" };
    struct hf_client             *client = client_open_ready(url, NULL);
    struct hf_files              *files;
    struct hf_error               error;
    if (hf_files_open(client, &options, &files, &error)) return NOT_AS_EXPECTED;
    snprintf(target, sizeof target, "%s/to", folder);
    const hf_err err = hf_file_fetch(files, NULL, hf_str("k"), target, &error);
    hf_files_close(files);
    hf_client_close(client);
    return err == HF_E_SYSTEM && entries(folder) == 0 ? FULL_AS_EXPECTED : NOT_AS_EXPECTED;
}

static void a_full_disk_leaves_nothing(void **state)
{
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* It lets no forked child start threads. */
#endif
    struct fixture f;
    int            status;
    set_up(&f, NULL);
    const char *from = path_of(&f, "from"), *disk = path_of(&f, "disk");
    write_large(from, 3 * 1024 * 1024);
    assert_int_equal(hf_file_store(f.files, NULL, hf_str("k"), from, NULL, &f.error), HF_OK);
    assert_int_equal(mkdir(disk, 0700), 0);
    const pid_t child = fork();
    if (child == 0) {
        _exit(fetch_onto_a_full_disk(redis_server_unix_url(f.cache.server), disk));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    const int outcome = WEXITSTATUS(status);
    tear_down(&f);
    if (outcome == NO_MOUNT) skip();
    assert_int_equal(outcome, FULL_AS_EXPECTED);
}

static void a_file_that_shrinks_while_it_is_read_is_not_stored(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, NULL);
    const char *from = path_of(&f, "from");
    /* Its size says more than can be read, as that of a file which was just cut. */
    const char *shrunk = "/sys/kernel/mm/transparent_hugepage/enabled";
    struct stat s;
    if (stat(shrunk, &s) == 0 && s.st_size > 0) {
        assert_int_equal(hf_file_store(f.files, NULL, hf_str("k"), shrunk, NULL, &f.error),
                         HF_E_SYSTEM);
        assert_non_null(strstr(f.error.detail, "shrank"));
        assert_int_equal(stored(&f), 0);
    }
    /* Its size says nothing, as that of one which grows. */
    assert_int_equal(
        hf_file_store(f.files, NULL, hf_str("k"), "/proc/self/status", NULL, &f.error),
        HF_E_SYSTEM);
    assert_int_equal(stored(&f), 0);
    write_file(from, "whole");
    assert_int_equal(hf_file_store(f.files, NULL, hf_str("k"), from, NULL, &f.error), HF_OK);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_found_with_all_that_was_said_of_it),
        cmocka_unit_test(a_file_that_is_gone_or_changed_is_a_miss_and_forgotten),
        cmocka_unit_test(another_content_of_the_same_size_and_time_is_seen_when_asked_for),
        cmocka_unit_test(what_is_no_file_is_refused_at_once),
        cmocka_unit_test(another_hosts_reference_is_a_miss_and_stays),
        cmocka_unit_test(a_shared_root_is_the_same_file_on_each_host),
        cmocka_unit_test(orphans_go_in_the_background),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(a_content_comes_back_with_its_permissions),
        cmocka_unit_test(what_cannot_be_written_leaves_everything_as_it_was),
        cmocka_unit_test(a_file_over_the_limit_of_the_process_leaves_nothing),
        cmocka_unit_test(a_full_disk_leaves_nothing),
        cmocka_unit_test(a_file_that_shrinks_while_it_is_read_is_not_stored),
    };
    return RUN_TESTS(tests);
}
