#include "support/fork_at_rest.h"

#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__

#include "support/die.h"
#include "support/wait.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BOUND_S = 20 };

/* The state follows the name, which may hold anything, a bracket included. */
static bool is_asleep(const char *thread)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/self/task/%.20s/stat", thread);
    FILE *file = fopen(path, "re");
    if (!file) return true; /* It has ended meanwhile. */
    const char *name_end = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    fclose(file);
    return name_end && strncmp(name_end, ") S", 3) == 0;
}

static bool others_are_asleep(void *ctx)
{
    (void)ctx;
    DIR *threads = opendir("/proc/self/task");
    if (!threads) die("fork: cannot open /proc/self/task");
    bool are_asleep = true;
    for (const struct dirent *entry; (entry = readdir(threads));) {
        const bool is_other = entry->d_name[0] != '.' && atoi(entry->d_name) != gettid();
        if (is_other) are_asleep &= is_asleep(entry->d_name);
    }
    closedir(threads);
    return are_asleep;
}

pid_t fork_at_rest(void)
{
    if (!wait_until(others_are_asleep, NULL, hf_seconds(BOUND_S))) {
        die("fork: other threads do not come to rest");
    }
    return fork();
}

#else

pid_t fork_at_rest(void)
{
    return fork();
}

#endif
