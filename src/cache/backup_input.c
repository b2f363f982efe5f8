#include "cache/backup_input.h"

#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static hf_err read_file(void *ctx, uint64_t at, void *to, size_t size)
{
    const int *fd = ctx;
    size_t     done = 0;
    while (done < size) {
        const ssize_t n = pread(*fd, (char *)to + done, size - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return HF_E_SYSTEM; /* Or it has become shorter. */
        done += (size_t)n;
    }
    return HF_OK;
}

hf_err hf_backup_input_of(int *fd, struct hf_backup_input *input)
{
    struct stat s;
    if (fstat(*fd, &s) != 0) return HF_E_SYSTEM;
    if (!S_ISREG(s.st_mode)) return HF_E_INVALID;
    *input = (struct hf_backup_input){ (uint64_t)s.st_size, read_file, fd };
    return HF_OK;
}

hf_err hf_backup_input_open(const char *path, int *fd, struct hf_backup_input *input,
                            struct hf_error *error)
{
    /* Without waiting: a FIFO that nobody writes to must not hold the caller. */
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0) return hf_fail(error, HF_E_SYSTEM, "%s: %s", path, strerror(errno));

    const hf_err err = hf_backup_input_of(fd, input);
    if (!err) return HF_OK;
    close(*fd);
    return hf_fail(error, err, "%s: %s", path,
                   err == HF_E_INVALID ? "is not a file" : "cannot be looked at");
}
