#include "keys.h"

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 4096 };

static bool parse(const char *from, struct hf_bytes text, struct hf_cache_key *keys,
                  size_t *count)
{
    struct hf_error error;
    if (!hf_cache_keys_parse(text, keys, HF_CACHE_KEYS_MAX, count, &error)) return true;
    complain("%s: %s", from, error.detail);
    return false;
}

static bool read_file(const char *path, char text[FILE_MAX + 1], size_t *size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        complain("HOLDFAST_CACHE_KEYS_FILE %s: %s", path, strerror(errno));
        return false;
    }
    struct stat info;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 077)) {
        complain("warning: HOLDFAST_CACHE_KEYS_FILE %s can be read by others (chmod 600 %s)",
                 path, path);
    }
    ssize_t n = 0;
    *size = 0;
    do {
        n = read(fd, text + *size, FILE_MAX + 1 - *size);
        if (n > 0) *size += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    if (n < 0) complain("HOLDFAST_CACHE_KEYS_FILE %s: %s", path, strerror(errno));
    if (*size > FILE_MAX) {
        complain("HOLDFAST_CACHE_KEYS_FILE %s: more than %d bytes", path, FILE_MAX);
    }
    close(fd);
    return n == 0 && *size <= FILE_MAX;
}

bool keys_read(struct hf_cache_key keys[HF_CACHE_KEYS_MAX], size_t *count)
{
    const char *given = getenv("HOLDFAST_CACHE_KEYS");
    const char *path = getenv("HOLDFAST_CACHE_KEYS_FILE");
    char        text[FILE_MAX + 1];
    size_t      size;
    *count = 0;
    if (given && *given) return parse("HOLDFAST_CACHE_KEYS", hf_str(given), keys, count);
    if (!path || !*path) return true;

    const bool ok = read_file(path, text, &size) &&
                    parse("HOLDFAST_CACHE_KEYS_FILE", hf_bytes(text, size), keys, count);
    explicit_bzero(text, sizeof text);
    return ok;
}
