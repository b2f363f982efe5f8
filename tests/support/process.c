#include "support/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* What follows the field, in text. */
static bool read_status(pid_t pid, const char *field, char text[64])
{
    char path[64], line[256];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        found = strncmp(line, field, strlen(field)) == 0;
    }
    if (found) snprintf(text, 64, "%.63s", line + strlen(field));
    if (file) fclose(file);
    return found;
}

long process_number(pid_t pid, const char *field)
{
    char text[64];
    return read_status(pid, field, text) ? strtol(text, NULL, 10) : -1;
}

bool process_is_gone(void *pid)
{
    char text[64];
    return !read_status(*(pid_t *)pid, "State:", text) || strchr(text, 'Z');
}

bool path_is_gone(void *path)
{
    struct stat info;
    return lstat(path, &info) != 0 && errno == ENOENT;
}

void process_kill(pid_t child)
{
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) continue;
}
