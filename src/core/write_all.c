#include "core/write_all.h"

#include <errno.h>
#include <unistd.h>

bool hf_write_all(int fd, struct hf_bytes bytes)
{
    const char *at = bytes.data;
    for (size_t left = bytes.size; left;) {
        const ssize_t put = write(fd, at, left);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        at += put;
        left -= (size_t)put;
    }
    return true;
}
