#include "topology/keeper.h"

#include "topology/folder.h"
#include "topology/shed.h"

#include <errno.h>
#include <fcntl.h>
#include <holdfast/time.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct keeper {
    const struct hf_keeper_plan *plan;
    int                          leash;
    int                          application;
    pid_t                        server; /* 0 while none runs. */
    int                          death;  /* Its pidfd, or -1. */
    hf_instant                   started;
    hf_instant                   start_at; /* Of the next one, while none runs. */
    uint32_t                     pause_ms; /* Before the next one, should this one die. */
};

static bool keeps_data(const struct keeper *k)
{
    return k->plan->data_folder[0] != '\0';
}

/* The application's handlers must not run here; what it blocked or ignored must not reach
 * the server. */
static void reset_signals(void)
{
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_between(int first, int last)
{
    if (first > last || close_range((unsigned)first, (unsigned)last, 0) == 0) return;

    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    for (int fd = first; fd <= last && (rlim_t)fd < limit.rlim_cur; fd++) close(fd);
}

/* Only the leash and the application's pidfd are kept, clear of the standard three. */
static int keep_two_descriptors(struct keeper *k)
{
    k->leash = fcntl(k->plan->leash, F_DUPFD_CLOEXEC, 3);
    if (k->leash < 0) return errno;
    k->application = fcntl(k->plan->application, F_DUPFD_CLOEXEC, 3);
    if (k->application < 0) return errno;

    const int low = k->leash < k->application ? k->leash : k->application;
    const int high = k->leash < k->application ? k->application : k->leash;
    close_between(3, low - 1);
    close_between(low + 1, high - 1);
    close_between(high + 1, INT_MAX);
    return 0;
}

/* Nobody's terminal or pipe is held open: what the server says goes to a file. */
static int redirect_output(void)
{
    const int log = open("redis.log", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (log < 0) return errno;
    const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0) return errno;
    if (dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) return errno;
    close(null);
    close(log);
    return 0;
}

/* The lock file names the application, so that another can tell a living owner from one
 * whose keeper is just cleaning up. */
static int lock_folders(const struct hf_keeper_plan *plan)
{
    int lock;
    int err = hf_folder_lock(plan->run_folder, HF_RUN_LOCK, &lock);
    if (err || plan->data_folder[0] == '\0') return err;

    err = hf_folder_lock(plan->data_folder, HF_DATA_LOCK, &lock);
    if (err) return err;
    const size_t size = strlen(plan->application_pid);
    if (ftruncate(lock, 0) != 0) return errno;
    return write(lock, plan->application_pid, size) == (ssize_t)size ? 0 : EIO;
}

static int prepare(struct keeper *k)
{
    reset_signals();
    umask(077);
    prctl(PR_SET_NAME, "holdfast-keeper");
    int err = keep_two_descriptors(k);
    if (err) return err;
    err = lock_folders(k->plan);
    if (err) return err;
    if (chdir(keeps_data(k) ? k->plan->data_folder : k->plan->run_folder) != 0) return errno;
    return redirect_output();
}

static _Noreturn void become_server(const struct hf_keeper_plan *plan, pid_t keeper)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != keeper) _exit(1);
    signal(SIGHUP, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);

    const char *const keep = plan->data_folder[0] != '\0' ? "yes" : "no";
    const char *const argv[] = {
        plan->program,
        "--port",
        "0",
        "--unixsocket",
        plan->socket,
        "--unixsocketperm",
        "700",
        "--daemonize",
        "no",
        "--save",
        "",
        "--appendonly",
        keep,
        "--loglevel",
        "notice",
        "--always-show-logo",
        "no",
        NULL,
    };
    const char *const environment[] = { "LC_ALL=C", NULL };
    execve(plan->program, (char *const *)argv, (char *const *)environment);
    _exit(127);
}

static void reap_server(struct keeper *k)
{
    while (waitpid(k->server, NULL, 0) < 0 && errno == EINTR) continue;
    if (k->death >= 0) close(k->death);
    k->server = 0;
    k->death = -1;
}

static void plan_next_start(struct keeper *k)
{
    const hf_instant now = hf_now();
    const bool       young = hf_to_ms(hf_between(k->started, now)) < HF_KEEPER_YOUNG_MS;
    if (!young) k->pause_ms = HF_KEEPER_PAUSE_MIN_MS;
    k->start_at = hf_later(now, hf_ms(k->pause_ms));
    k->pause_ms = k->pause_ms < HF_KEEPER_PAUSE_MAX_MS / 2 ? 2 * k->pause_ms
                                                           : HF_KEEPER_PAUSE_MAX_MS;
}

static void start_server(struct keeper *k)
{
    const pid_t keeper = getpid();
    k->started = hf_now();
    const pid_t pid = _Fork();
    if (pid == 0) become_server(k->plan, keeper);
    if (pid < 0) {
        plan_next_start(k);
        return;
    }
    k->server = pid;
    k->death = (int)syscall(SYS_pidfd_open, pid, 0);
    if (k->death >= 0) return;
    kill(pid, SIGKILL); /* Without the pidfd its death would go unnoticed. */
    reap_server(k);
    plan_next_start(k);
}

static int ms_until_start(const struct keeper *k)
{
    if (k->server) return -1;
    return (int)hf_to_ms(hf_between(hf_now(), k->start_at)) + 1;
}

static void keep_running_until_told(struct keeper *k)
{
    for (;;) {
        if (!k->server && !hf_before(hf_now(), k->start_at)) start_server(k);
        struct pollfd events[] = {
            { .fd = k->leash, .events = POLLIN },
            { .fd = k->application, .events = POLLIN },
            { .fd = k->death, .events = POLLIN },
        };
        if (poll(events, 3, ms_until_start(k)) < 0 && errno != EINTR) return;
        if (events[0].revents || events[1].revents) return;
        if (events[2].revents) {
            reap_server(k);
            plan_next_start(k);
        }
    }
}

/* Data that nobody keeps need not be saved. */
static void stop_server(struct keeper *k)
{
    if (!k->server) return;
    if (keeps_data(k)) {
        kill(k->server, SIGTERM);
        kill(k->server, SIGCONT);
        struct pollfd death = { .fd = k->death, .events = POLLIN };
        while (poll(&death, 1, HF_KEEPER_GRACE_MS) < 0 && errno == EINTR) continue;
    }
    kill(k->server, SIGKILL);
    reap_server(k);
}

void hf_keeper_run(const struct hf_keeper_plan *plan)
{
    struct keeper k = { .plan = plan, .death = -1, .pause_ms = HF_KEEPER_PAUSE_MIN_MS };
    const struct hf_keeper_report report = { .keeper = getpid(), .error = prepare(&k) };
    send(k.leash, &report, sizeof report, MSG_NOSIGNAL);
    if (!report.error) {
        hf_shed_memory();
        start_server(&k);
        hf_run_folder_sweep(plan->run_folder);
        keep_running_until_told(&k);
        stop_server(&k);
    }
    hf_folder_remove(AT_FDCWD, plan->run_folder);
    _exit(0);
}
