#include "support/last_will.h"

#include "support/die.h"
#include "topology/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_MS = 100 };

static void store(int *heir, pid_t pid)
{
    __atomic_store_n(heir, (int)pid, __ATOMIC_SEQ_CST);
}

/* Under valgrind there is no pidfd, and nothing for it but to look from time to time. */
static void wait_for_death(pid_t author, int pidfd)
{
    struct pollfd death = { .fd = pidfd, .events = POLLIN };
    if (pidfd >= 0) {
        while (poll(&death, 1, -1) < 0 && errno == EINTR) continue;
    }
    while (getppid() == author) poll(NULL, 0, LOOK_MS);
}

/* The minder: only system calls from here on. */
static _Noreturn void mind(pid_t author, int pidfd, const int *heir, const char *folder)
{
    setpgid(0, 0); /* Ctrl-C is for the test program. */
    if (pidfd > 0 && dup2(pidfd, 0) == 0) {
        close_range(1, ~0U, 0);
        pidfd = 0;
    }
    wait_for_death(author, pidfd);

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
    const int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (pidfd < 0 && errno != ENOSYS) die("last will: pidfd_open: %s", strerror(errno));

    *will = (struct last_will){ .author = getpid(), .heir = page };
    will->minder = fork();
    if (will->minder < 0) die("last will: fork: %s", strerror(errno));
    if (will->minder == 0) mind(will->author, pidfd, will->heir, folder);
    if (pidfd >= 0) close(pidfd);
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
