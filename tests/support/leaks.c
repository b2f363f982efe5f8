#include "support/leaks.h"

#include "support/die.h"
#include "support/wait.h"

#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int count_entries(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder) die("leaks: cannot open %s", path);
    int count = -2; /* "." and ".." */
    while (readdir(folder)) count++;
    closedir(folder);
    return count;
}

/* Children belong to the thread that forked them. */
static int count_children_of(const char *thread)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%.20s/children", thread);
    FILE *file = fopen(path, "re");
    if (!file) return 0; /* The thread has ended meanwhile. */
    int count = 0;       /* Each number has a space behind it. */
    for (int c; (c = fgetc(file)) != EOF;) count += c == ' ';
    fclose(file);
    return count;
}

static int count_children(void)
{
    DIR *threads = opendir("/proc/self/task");
    if (!threads) die("leaks: cannot open /proc/self/task");
    int count = 0;
    for (const struct dirent *entry; (entry = readdir(threads));) {
        if (entry->d_name[0] != '.') count += count_children_of(entry->d_name);
    }
    closedir(threads);
    return count;
}

static void *do_nothing(void *ctx)
{
    return ctx;
}

/* ThreadSanitizer starts a thread of its own along with the first one. */
static void start_hidden_threads(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, do_nothing, NULL) == 0) pthread_join(thread, NULL);
}

struct leaks leaks_count(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_hidden_threads);
    return (struct leaks){
        .descriptors = count_entries("/proc/self/fd") - 1,
        .threads = count_entries("/proc/self/task"),
        .children = count_children(),
    };
}

static bool nothing_more(void *ctx)
{
    const struct leaks *before = ctx;
    const struct leaks  now = leaks_count();
    return now.descriptors <= before->descriptors && now.threads <= before->threads &&
           now.children <= before->children;
}

static void print_open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    if (!folder) return;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        char          target[PATH_MAX];
        const ssize_t size = readlinkat(dirfd(folder), entry->d_name, target,
                                        sizeof target - 1);
        if (size > 0) fprintf(stderr, "  %s -> %.*s\n", entry->d_name, (int)size, target);
    }
    closedir(folder);
}

bool leaks_settle(const struct leaks *before)
{
    struct leaks expected = *before;
    if (wait_until(nothing_more, &expected, hf_seconds(5))) return true;

    const struct leaks now = leaks_count();
    fprintf(stderr, "leaked: descriptors %d -> %d, threads %d -> %d, children %d -> %d\n",
            before->descriptors, now.descriptors, before->threads, now.threads,
            before->children, now.children);
    print_open_descriptors();
    return false;
}
