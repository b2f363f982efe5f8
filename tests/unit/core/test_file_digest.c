#include "core/file_digest.h"

#include "core/alloc.h"
#include "support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char                  folder[64];
    char                  path[128];
    struct hf_file_digest digest;
    struct hf_error       error;
};

static void set_up(struct fixture *f, const char *name)
{
    *f = (struct fixture){ .folder = "/tmp/holdfast-digest.XXXXXX" };
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/%s", f->folder, name);
}

static void tear_down(struct fixture *f)
{
    (void)remove(f->path);
    assert_int_equal(rmdir(f->folder), 0);
}

static void write_file(const struct fixture *f, const char *text)
{
    FILE *file = fopen(f->path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static hf_err digest(struct fixture *f)
{
    return hf_file_digest(&hf_allocator_default, f->path, &f->digest, &f->error);
}

static void knows_the_published_digests(void **state)
{
    (void)state;
    /* FIPS 180-4: "abc", and the empty message. */
    static const unsigned char of_abc[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea };
    static const unsigned char of_empty[] = {
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14
    };
    struct fixture f;
    set_up(&f, "file");
    write_file(&f, "abc");
    assert_int_equal(digest(&f), HF_OK);
    assert_int_equal(f.digest.size, 3);
    assert_memory_equal(f.digest.sha256, of_abc, sizeof of_abc);
    write_file(&f, "");
    assert_int_equal(digest(&f), HF_OK);
    assert_int_equal(f.digest.size, 0);
    assert_memory_equal(f.digest.sha256, of_empty, sizeof of_empty);
    tear_down(&f);
}

static void a_large_file_is_read_to_its_end(void **state)
{
    (void)state;
    struct fixture        f;
    struct hf_file_digest first;
    set_up(&f, "large");
    write_file(&f, "x");
    assert_int_equal(truncate(f.path, 1000001), 0);
    assert_int_equal(digest(&f), HF_OK);
    assert_int_equal(f.digest.size, 1000001);
    first = f.digest;
    assert_int_equal(truncate(f.path, 1000000), 0);
    assert_int_equal(digest(&f), HF_OK);
    assert_memory_not_equal(f.digest.sha256, first.sha256, HF_SHA256_SIZE);
    tear_down(&f);
}

static void a_name_with_a_newline_is_a_name_and_a_detail_stays_one_line(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, "two\nlines");
    assert_int_equal(digest(&f), HF_E_SYSTEM);
    assert_null(strchr(f.error.detail, '\n'));
    assert_non_null(strstr(f.error.detail, "two?lines"));
    write_file(&f, "abc");
    assert_int_equal(digest(&f), HF_OK);
    tear_down(&f);
}

static void what_is_no_file_is_refused_and_named(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, "thing");
    assert_int_equal(mkfifo(f.path, 0600), 0); /* Reading it would wait for ever. */
    assert_int_equal(digest(&f), HF_E_INVALID);
    assert_non_null(strstr(f.error.detail, "a FIFO"));
    assert_int_equal(unlink(f.path), 0);
    assert_int_equal(mkdir(f.path, 0700), 0);
    assert_int_equal(digest(&f), HF_E_INVALID);
    assert_non_null(strstr(f.error.detail, "a directory"));
    assert_int_equal(rmdir(f.path), 0);
    assert_int_equal(symlink("/dev/zero", f.path), 0);
    assert_int_equal(digest(&f), HF_E_INVALID);
    assert_non_null(strstr(f.error.detail, "a device"));
    tear_down(&f);
}

/* Files of sysfs announce a page and end before it: to a reader, a file that shrinks. Those
 * of procfs announce nothing and have something: one that grows. */
static void a_file_with_another_size_than_it_had_when_opened_is_refused(void **state)
{
    (void)state;
    static const char     shrinks[] = "/sys/devices/system/cpu/online";
    static const char     grows[] = "/proc/self/status";
    struct hf_file_digest found = { .size = 42 };
    struct hf_error       error;
    assert_int_equal(hf_file_digest(&hf_allocator_default, grows, &found, &error),
                     HF_E_SYSTEM);
    assert_non_null(strstr(error.detail, "grew while it was read"));
    assert_int_equal(found.size, 42);
    if (access(shrinks, R_OK) != 0) return;
    assert_int_equal(hf_file_digest(&hf_allocator_default, shrinks, &found, &error),
                     HF_E_SYSTEM);
    assert_non_null(strstr(error.detail, "shrank while it was read"));
    assert_int_equal(found.size, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_published_digests),
        cmocka_unit_test(a_large_file_is_read_to_its_end),
        cmocka_unit_test(a_name_with_a_newline_is_a_name_and_a_detail_stays_one_line),
        cmocka_unit_test(what_is_no_file_is_refused_and_named),
        cmocka_unit_test(a_file_with_another_size_than_it_had_when_opened_is_refused),
    };
    return RUN_TESTS(tests);
}
