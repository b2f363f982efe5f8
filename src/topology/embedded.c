#include "topology/embedded.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/error.h"
#include "topology/folder.h"
#include "topology/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <holdfast/time.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPORT_BOUND_MS = 10000, STOP_BOUND_MS = HF_KEEPER_GRACE_MS + 5000, POLL_MS = 10 };

struct hf_embedded {
    const struct hf_allocator *allocator;
    pid_t                      owner; /* A forked child is not. */
    int                        death; /* The keeper's pidfd. */
    int                        leash;
    char                       run_folder[HF_RUN_FOLDER_MAX];
    char                       socket[HF_RUN_FOLDER_MAX + 16];
};

_Static_assert(sizeof((struct hf_embedded *)0)->socket <=
                   sizeof((struct sockaddr_un *)0)->sun_path,
               "a socket's path must fit its address");

/* The default applies where a host has no PATH at all. */
static hf_err find_program(char program[PATH_MAX], struct hf_error *error)
{
    const char *dirs = getenv("PATH");
    if (!dirs) dirs = "/usr/local/bin:/usr/bin:/bin";
    for (const char *dir = dirs; *dir != '\0';) {
        const size_t size = strcspn(dir, ":");
        const int    length = snprintf(program, PATH_MAX, "%.*s/redis-server",
                                    size < PATH_MAX ? (int)size : 0, dir);
        struct stat  info;
        if (size > 0 && length < PATH_MAX && dir[0] == '/' && stat(program, &info) == 0 &&
            S_ISREG(info.st_mode) && access(program, X_OK) == 0) {
            return HF_OK;
        }
        dir += size + (dir[size] == ':');
    }
    return hf_fail(error, HF_E_NO_SERVER,
                   "no redis-server in PATH; install it with: apt-get install redis-server");
}

static void sleep_ms(int ms)
{
    poll(NULL, 0, ms);
}

/* Whom the lock file names, 0 when nobody can be read from it. */
static pid_t read_owner(const char *folder)
{
    char      text[16] = "";
    const int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0) return 0;
    const int fd = openat(at, HF_DATA_LOCK, O_RDONLY | O_CLOEXEC);
    close(at);
    if (fd < 0) return 0;
    const ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    return size > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

static hf_err refuse_locked(const char *folder, struct hf_error *error)
{
    return hf_fail(error, HF_E_INVALID, "folder %.150s is in use by process %d", folder,
                   (int)read_owner(folder));
}

/* An application that was killed may be back before its old keeper has cleaned up. */
static hf_err wait_for_dead_owner(const char *folder, struct hf_error *error)
{
    const hf_instant end = hf_later(hf_now(), hf_ms(HF_EMBEDDED_WAIT_MS));
    while (hf_folder_lock_holder(folder, HF_DATA_LOCK) != 0) {
        const pid_t owner = read_owner(folder);
        const bool  alive = owner > 0 && (kill(owner, 0) == 0 || errno != ESRCH);
        if (alive || !hf_before(hf_now(), end)) return refuse_locked(folder, error);
        sleep_ms(POLL_MS);
    }
    return HF_OK;
}

/* The keeper takes the lock; that the file can be had is found out here. */
static int make_lock_file(const char *folder)
{
    const int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0) return errno;
    const int fd = openat(at, HF_DATA_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    const int err = fd >= 0 ? 0 : errno;
    close(at);
    if (fd >= 0) close(fd);
    return err;
}

static hf_err take_data_folder(const char *folder, char path[PATH_MAX],
                               struct hf_error *error)
{
    if (folder[0] == '\0') return hf_fail(error, HF_E_INVALID, "the folder's name is empty");
    int err = mkdir(folder, 0700) == 0 || errno == EEXIST ? 0 : errno;
    if (!err && !realpath(folder, path)) err = errno;
    if (!err) err = make_lock_file(path);
    if (err) {
        return hf_fail(error, HF_E_INVALID, "folder %.150s: %s", folder, strerror(err));
    }
    return wait_for_dead_owner(path, error);
}

/* Like _Fork, but the host never hears of it: no SIGCHLD, no atfork handler, and a wait for
 * any child does not see it. */
static pid_t fork_unheard(void)
{
    return (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
}

/* The intermediate ends at once, so the keeper is nobody's child here. No signal handler of
 * the host may run in either. A group of its own, because Ctrl-C is for the host; not a
 * session, for Linux shares processors out among sessions (sched_autogroup), and beside a
 * busy host the server was seen to get none for seconds. */
static int fork_keeper(const struct hf_keeper_plan *plan)
{
    sigset_t all, before;
    int      status = 0, err = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t intermediate = fork_unheard();
    if (intermediate == 0) {
        setpgid(0, 0);
        const pid_t keeper = _Fork();
        if (keeper == 0) hf_keeper_run(plan);
        _exit(keeper < 0 ? errno : 0);
    }
    if (intermediate < 0) err = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err) return err;

    while (waitpid(intermediate, &status, __WALL) < 0) {
        if (errno != EINTR) return errno;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

static bool wait_readable(int fd, int bound_ms)
{
    const hf_instant end = hf_later(hf_now(), hf_ms((uint32_t)bound_ms));
    struct pollfd    event = { .fd = fd, .events = POLLIN };
    for (;;) {
        const int left = (int)hf_to_ms(hf_between(hf_now(), end));
        const int count = poll(&event, 1, left);
        if (count > 0) return true;
        if (count == 0 || errno != EINTR) return false;
    }
}

static hf_err take_report(struct hf_embedded *s, const struct hf_keeper_plan *plan,
                          struct hf_error *error)
{
    struct hf_keeper_report report;
    if (!wait_readable(s->leash, REPORT_BOUND_MS) ||
        recv(s->leash, &report, sizeof report, 0) != sizeof report) {
        return hf_fail(error, HF_E_SYSTEM, "the keeper of redis-server ended early");
    }
    if (report.error == EAGAIN) return refuse_locked(plan->data_folder, error);
    if (report.error) {
        return hf_fail(error, HF_E_SYSTEM, "the keeper of redis-server: %s",
                       strerror(report.error));
    }
    s->death = (int)syscall(SYS_pidfd_open, report.keeper, 0);
    if (s->death >= 0) return HF_OK;
    return hf_fail(error, HF_E_SYSTEM, "pidfd_open: %s", strerror(errno));
}

/* The ends meant for the keeper are closed here in any case. */
static hf_err start_keeper(struct hf_embedded *s, struct hf_keeper_plan *plan,
                           struct hf_error *error)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return hf_fail(error, HF_E_SYSTEM, "socketpair: %s", strerror(errno));
    }
    s->leash = ends[0];
    plan->leash = ends[1];
    plan->application = (int)syscall(SYS_pidfd_open, getpid(), 0);
    const int err = plan->application >= 0 ? fork_keeper(plan) : errno;
    close(ends[1]);
    if (plan->application >= 0) close(plan->application);
    if (err) return hf_fail(error, HF_E_SYSTEM, "starting a process: %s", strerror(err));
    return take_report(s, plan, error);
}

static hf_err make_plan(struct hf_keeper_plan *plan, const char *folder,
                        struct hf_error *error)
{
    memset(plan, 0, sizeof *plan);
    hf_err err = find_program(plan->program, error);
    if (err) return err;
    if (folder) err = take_data_folder(folder, plan->data_folder, error);
    if (err) return err;
    err = hf_run_folder_make(plan->run_folder, error);
    if (err) return err;
    snprintf(plan->socket, sizeof plan->socket, "%s/redis.sock", plan->run_folder);
    snprintf(plan->application_pid, sizeof plan->application_pid, "%d", (int)getpid());
    return HF_OK;
}

hf_err hf_embedded_start(const struct hf_allocator *a, const char *folder,
                         struct hf_embedded **server, struct hf_error *error)
{
    struct hf_keeper_plan plan;
    struct hf_embedded   *s = hf_alloc_zero(a, 1, sizeof *s);
    if (!s) return hf_fail(error, HF_E_NOMEM, "no memory for an embedded server");
    *s = (struct hf_embedded){ .allocator = a, .owner = getpid(), .death = -1, .leash = -1 };
    hf_err err = make_plan(&plan, folder, error);
    if (err) goto out;
    memcpy(s->run_folder, plan.run_folder, sizeof s->run_folder);
    memcpy(s->socket, plan.socket, sizeof s->socket);
    err = start_keeper(s, &plan, error);
    if (err) goto out;

    *server = s;
    return HF_OK;
out:
    hf_embedded_stop(s);
    return err;
}

const char *hf_embedded_socket(const struct hf_embedded *server)
{
    return server->socket;
}

/* Orphans become children of process 1, which this may be (in a container). */
static void reap_if_ours(int process)
{
    siginfo_t info;
    waitid(P_PIDFD, (id_t)process, &info, WEXITED | WNOHANG);
}

/* The keeper removes the folder; should it have been killed, or never begun, it is removed
 * here. */
static void end_keeper(struct hf_embedded *s)
{
    if (s->leash >= 0) shutdown(s->leash, SHUT_RDWR);
    if (s->death >= 0 && !wait_readable(s->death, STOP_BOUND_MS)) {
        syscall(SYS_pidfd_send_signal, s->death, SIGKILL, NULL, 0);
        wait_readable(s->death, STOP_BOUND_MS);
    }
    if (s->death >= 0) reap_if_ours(s->death);
    if (s->run_folder[0] != '\0') hf_folder_remove(AT_FDCWD, s->run_folder);
}

void hf_embedded_stop(struct hf_embedded *server)
{
    if (!server) return;
    if (server->owner == getpid()) end_keeper(server);
    if (server->leash >= 0) close(server->leash);
    if (server->death >= 0) close(server->death);
    hf_free(server->allocator, server);
}
