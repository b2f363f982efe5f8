#include "core/file_digest.h"

#include "core/alloc.h"
#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 64 * 1024, SHOWN = 160 };

static const char *shown(const char *path, char text[SHOWN])
{
    snprintf(text, SHOWN, "%s", path);
    for (char *at = text; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) *at = '?';
    }
    return text;
}

static const char *kind_of(const struct stat *s)
{
    if (S_ISDIR(s->st_mode)) return "a directory";
    if (S_ISFIFO(s->st_mode)) return "a FIFO";
    if (S_ISSOCK(s->st_mode)) return "a socket";
    return "a device";
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* 0, or an errno. */
static int read_all(int fd, unsigned char *block, EVP_MD_CTX *hash, uint64_t *size)
{
    uint64_t sum = 0;
    for (;;) {
        const ssize_t n = read(fd, block, BLOCK);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        if (n == 0) break;
        if (!EVP_DigestUpdate(hash, block, (size_t)n)) return ENOMEM;
        sum += (uint64_t)n;
    }
    *size = sum;
    return 0;
}

static hf_err digest_open(int fd, const char *path, unsigned char *block, EVP_MD_CTX *hash,
                          struct hf_file_digest *digest, struct hf_error *error)
{
    struct stat before, after;
    uint64_t    size = 0;
    if (fstat(fd, &before))
        return hf_fail(error, HF_E_SYSTEM, "%s: %s", path, strerror(errno));
    if (!S_ISREG(before.st_mode)) {
        return hf_fail(error, HF_E_INVALID, "%s: is %s, not a file", path, kind_of(&before));
    }
    if (!EVP_DigestInit_ex(hash, EVP_sha256(), NULL))
        return hf_fail(error, HF_E_NOMEM, "SHA-256");

    int reason = read_all(fd, block, hash, &size);
    if (!reason && fstat(fd, &after)) reason = errno;
    if (reason) return hf_fail(error, HF_E_SYSTEM, "%s: %s", path, strerror(reason));
    if (size != (uint64_t)before.st_size) {
        return hf_fail(error, HF_E_SYSTEM,
                       "%s: %s while it was read: %llu bytes, %llu when it was opened", path,
                       size < (uint64_t)before.st_size ? "shrank" : "grew",
                       (unsigned long long)size, (unsigned long long)before.st_size);
    }
    if (!is_same(&before, &after)) {
        return hf_fail(error, HF_E_SYSTEM, "%s: was changed while it was read", path);
    }
    if (!EVP_DigestFinal_ex(hash, digest->sha256, NULL)) {
        return hf_fail(error, HF_E_NOMEM, "SHA-256");
    }
    digest->size = size;
    return HF_OK;
}

hf_err hf_file_digest(const struct hf_allocator *a, const char *path,
                      struct hf_file_digest *digest, struct hf_error *error)
{
    char           text[SHOWN];
    unsigned char *block = hf_alloc(a, BLOCK);
    EVP_MD_CTX    *hash = EVP_MD_CTX_new();
    hf_err         err = block && hash ? HF_OK : hf_fail(error, HF_E_NOMEM, "reading a file");

    /* Without waiting: a FIFO that nobody writes to must not hold the caller. */
    const int fd = err ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (!err && fd < 0) {
        err = hf_fail(error, HF_E_SYSTEM, "%s: %s", shown(path, text), strerror(errno));
    }
    if (!err) err = digest_open(fd, shown(path, text), block, hash, digest, error);
    if (fd >= 0) close(fd);
    EVP_MD_CTX_free(hash);
    hf_free(a, block);
    return err;
}
