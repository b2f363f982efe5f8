#include "topology/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the kernel writes; glibc's readdir would allocate. */
struct entry {
    uint64_t       inode;
    int64_t        offset;
    unsigned short size;
    unsigned char  type;
    char           name[];
};

void hf_folder_each(int folder, hf_folder_entry_fn visit, void *ctx)
{
    _Alignas(struct entry) char block[4096];
    for (;;) {
        const long size = syscall(SYS_getdents64, folder, block, sizeof block);
        if (size <= 0) return;
        for (long at = 0; at < size;) {
            const struct entry *entry = (const struct entry *)(const void *)(block + at);
            if (strcmp(entry->name, ".") != 0 && strcmp(entry->name, "..") != 0) {
                visit(folder, entry->name, ctx);
            }
            at += entry->size;
        }
    }
}

static bool remove_at_depth(int at, const char *name, int depth);

static void remove_entry(int folder, const char *name, void *ctx)
{
    const int depth = *(int *)ctx;
    remove_at_depth(folder, name, depth + 1);
}

static bool remove_at_depth(int at, const char *name, int depth)
{
    if (unlinkat(at, name, 0) == 0 || errno == ENOENT) return true;
    if (depth > HF_FOLDER_DEPTH_MAX) return false;

    const int folder = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0) return errno == ENOENT;
    hf_folder_each(folder, remove_entry, &depth);
    close(folder);
    return unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

bool hf_folder_remove(int at, const char *name)
{
    return remove_at_depth(at, name, 0);
}
