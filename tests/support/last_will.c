#include "support/last_will.h"

#include "support/die.h"
#include "topology/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void store(int *heir, pid_t pid)
{
    __atomic_store_n(heir, (int)pid, __ATOMIC_SEQ_CST);
}

/* The minder: only system calls from here on. */
static _Noreturn void mind(int author, const int *heir, const char *folder)
{
    setsid(); /* Ctrl-C is for the test program. */
    if (author > 0 && dup2(author, 0) == 0) close_range(1, ~0U, 0);

    /* Under valgrind there is no pidfd: then it goes with the author, and does nothing. */
    if (author < 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct pollfd death = { .fd = author < 0 ? -1 : 0, .events = POLLIN };
    while (poll(&death, 1, -1) < 0 && errno == EINTR) continue;

    const pid_t pid = (pid_t)__atomic_load_n(heir, __ATOMIC_SEQ_CST);
    if (pid > 0) kill(pid, SIGKILL);
    hf_folder_remove(AT_FDCWD, folder);
    _exit(0);
}

void last_will_open(struct last_will *will, const char *folder)
{
    void *page = mmap(NULL, sizeof *will->heir, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) die("last will: mmap: %s", strerror(errno));
    const int author = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (author < 0 && errno != ENOSYS) die("last will: pidfd_open: %s", strerror(errno));

    *will = (struct last_will){ .author = getpid(), .heir = page };
    will->minder = fork();
    if (will->minder < 0) die("last will: fork: %s", strerror(errno));
    if (will->minder == 0) mind(author, will->heir, folder);
    if (author >= 0) close(author);
}

void last_will_name(struct last_will *will)
{
    store(will->heir, getpid());
    if (getppid() != will->author) _exit(1);
}

void last_will_forget(struct last_will *will)
{
    store(will->heir, 0);
}

void last_will_close(struct last_will *will)
{
    kill(will->minder, SIGKILL);
    while (waitpid(will->minder, NULL, 0) < 0 && errno == EINTR) continue;
    munmap(will->heir, sizeof *will->heir);
}
