#include "topology/run_folder.h"

#include "core/error.h"
#include "topology/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "holdfast-run-"

static const struct flock whole_file = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

static bool make_below(const char *base, char path[HF_RUN_FOLDER_MAX])
{
    const int size = snprintf(path, HF_RUN_FOLDER_MAX, "%s/" PREFIX "XXXXXX", base);
    if (size >= HF_RUN_FOLDER_MAX || !mkdtemp(path)) return false;

    char lock[HF_RUN_FOLDER_MAX + sizeof HF_RUN_LOCK];
    snprintf(lock, sizeof lock, "%s/" HF_RUN_LOCK, path);
    const int fd = open(lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
        return true;
    }
    const int why = errno;
    rmdir(path);
    errno = why;
    return false;
}

hf_err hf_run_folder_make(char path[HF_RUN_FOLDER_MAX], struct hf_error *error)
{
    const char *base = getenv("TMPDIR");
    if (base && base[0] == '/' && make_below(base, path)) return HF_OK;
    if (make_below("/tmp", path)) return HF_OK;
    return hf_fail(error, HF_E_SYSTEM, "cannot make a folder below /tmp: %s",
                   strerror(errno));
}

static int lock_at(int folder, const char *name, int flags, int *lock)
{
    const int fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    if (fd < 0) return errno;

    struct stat  info;
    struct flock request = whole_file;
    int          err = 0;
    if (fcntl(fd, F_SETLK, &request) != 0) {
        err = errno == EACCES ? EAGAIN : errno;
    } else if (fstat(fd, &info) != 0 || info.st_nlink == 0) {
        err = ENOENT;
    }
    if (err) {
        close(fd);
        return err;
    }
    *lock = fd;
    return 0;
}

int hf_folder_lock(const char *folder, const char *name, int *lock)
{
    const int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0) return errno;
    const int err = lock_at(at, name, O_CREAT, lock);
    close(at);
    return err;
}

pid_t hf_folder_lock_holder(const char *folder, const char *name)
{
    const int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0) return 0;
    const int fd = openat(at, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    close(at);
    if (fd < 0) return 0;

    struct flock request = whole_file;
    const bool   held = fcntl(fd, F_GETLK, &request) == 0 && request.l_type != F_UNLCK;
    close(fd);
    return held ? request.l_pid : 0;
}

static bool is_old_and_ours(int base, const char *name)
{
    struct stat     info;
    struct timespec now;
    if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0) return false;
    if (fstatat(base, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return false;
    if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid()) return false;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec - info.st_mtim.tv_sec > HF_SWEEP_AGE_S;
}

static void sweep_one(int base, const char *name, void *ctx)
{
    const char *own = ctx;
    if (strcmp(name, own) == 0 || !is_old_and_ours(base, name)) return;

    const int folder = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0) return;
    int lock = -1;
    if (lock_at(folder, HF_RUN_LOCK, 0, &lock) == 0) {
        hf_folder_remove(base, name);
        close(lock);
    }
    close(folder);
}

void hf_run_folder_sweep(const char *own)
{
    char         base[HF_RUN_FOLDER_MAX];
    const char  *slash = strrchr(own, '/');
    const size_t size = (size_t)(slash - own);
    memcpy(base, own, size);
    base[size] = '\0';

    const int folder = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    char name[HF_RUN_FOLDER_MAX];
    memcpy(name, slash + 1, strlen(slash + 1) + 1);
    hf_folder_each(folder, sweep_one, name);
    close(folder);
}
