#include "client/fork_guard.h"

#include <sys/mman.h>
#include <unistd.h>

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

hf_err hf_fork_guard_init(struct hf_fork_guard *guard)
{
    void *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                      -1, 0);
    if (page == MAP_FAILED) return HF_E_SYSTEM;
    if (madvise(page, page_size(), MADV_WIPEONFORK)) {
        munmap(page, page_size());
        return HF_E_SYSTEM;
    }
    guard->mark = page;
    atomic_store(guard->mark, 1);
    return HF_OK;
}

void hf_fork_guard_deinit(struct hf_fork_guard *guard)
{
    munmap(guard->mark, page_size());
    guard->mark = NULL;
}
