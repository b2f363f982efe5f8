#include "topology/folder.h"

#include "support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void make_file(const char *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static bool exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

static void removes_everything_below(void **state)
{
    (void)state;
    char root[] = "/tmp/hf-folder-XXXXXX";
    char inner[64];
    assert_non_null(mkdtemp(root));
    snprintf(inner, sizeof inner, "%s/inner", root);
    assert_int_equal(mkdir(inner, 0700), 0);
    for (int i = 0; i < 1000; i++) { /* Many blocks of getdents. */
        char name[64];
        snprintf(name, sizeof name, "a file with a name that is not short, number %d", i);
        make_file(root, name);
        make_file(inner, name);
    }
    assert_true(hf_folder_remove(AT_FDCWD, root));
    assert_false(exists(root));
}

static void removes_links_and_spares_what_they_point_at(void **state)
{
    (void)state;
    char spared[] = "/tmp/hf-folder-XXXXXX";
    char root[] = "/tmp/hf-folder-XXXXXX";
    char link[64];
    assert_non_null(mkdtemp(spared));
    assert_non_null(mkdtemp(root));
    make_file(spared, "file");
    snprintf(link, sizeof link, "%s/link", root);
    assert_int_equal(symlink(spared, link), 0);

    assert_true(hf_folder_remove(AT_FDCWD, root));
    assert_false(exists(root));
    char file[64];
    snprintf(file, sizeof file, "%s/file", spared);
    assert_true(exists(file));
    assert_true(hf_folder_remove(AT_FDCWD, spared));
}

static void stops_at_the_depth_limit(void **state)
{
    (void)state;
    char root[] = "/tmp/hf-folder-XXXXXX";
    char path[256];
    assert_non_null(mkdtemp(root));
    snprintf(path, sizeof path, "%s", root);
    for (int depth = 1; depth <= HF_FOLDER_DEPTH_MAX + 1; depth++) {
        strncat(path, "/d", sizeof path - strlen(path) - 1);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    make_file(path, "file");
    assert_false(hf_folder_remove(AT_FDCWD, root));
    assert_true(exists(path));

    snprintf(path, sizeof path, "%s/d", root);
    assert_true(hf_folder_remove(AT_FDCWD, path));
    assert_true(hf_folder_remove(AT_FDCWD, root));
}

static void what_never_was_is_gone(void **state)
{
    (void)state;
    assert_true(hf_folder_remove(AT_FDCWD, "/tmp/hf-folder-that-never-was"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removes_everything_below),
        cmocka_unit_test(removes_links_and_spares_what_they_point_at),
        cmocka_unit_test(stops_at_the_depth_limit),
        cmocka_unit_test(what_never_was_is_gone),
    };
    return RUN_TESTS(tests);
}
