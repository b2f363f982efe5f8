#include "input.h"

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_SIZE = 64 * 1024 };

/* Reads to the end; the block grows by doubling. Gives 0, or the reason as an errno. */
static int read_all(int fd, size_t size_max, char **data, size_t *size)
{
    size_t capacity = 0, used = 0;
    char  *block = NULL;
    for (;;) {
        if (used == capacity) {
            const size_t larger = capacity ? capacity * 2 : FIRST_SIZE;
            char        *moved = realloc(block, larger);
            if (!moved) break;
            block = moved;
            capacity = larger;
        }
        const ssize_t n = read(fd, block + used, capacity - used);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        used += (size_t)n;
        if (used > size_max) {
            errno = EFBIG;
            break;
        }
        if (n == 0) {
            *data = block;
            *size = used;
            return 0;
        }
    }
    const int reason = errno;
    free(block);
    return reason;
}

bool input_read(const char *path, size_t size_max, char **data, size_t *size)
{
    const bool is_stdin = strcmp(path, "-") == 0;
    const int  fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    const int  reason = fd < 0 ? errno : read_all(fd, size_max, data, size);
    if (fd >= 0 && !is_stdin) close(fd);
    if (reason == 0) return true;

    const char *name = is_stdin ? "standard input" : path;
    if (reason == EFBIG) {
        complain("%s: larger than a value can be, %zu bytes", name, size_max);
    } else {
        complain("%s: %s", name, strerror(reason));
    }
    return false;
}
