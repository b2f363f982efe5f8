#include "support/canary.h"

#include "support/die.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct late_nap {
    hf_instant due;
    hf_instant woken;
};

struct canary {
    pthread_t thread;
    struct {
        pthread_mutex_t mutex;
        pthread_cond_t  napped;
        struct late_nap naps[CANARY_NAPS]; /* A ring. */
        size_t          count;             /* Ever written. */
        hf_instant      heard;             /* The end of the latest nap. */
        bool            closing;
    } locked;
};

static void *nap_and_note(void *ctx)
{
    struct canary *canary = ctx;
    hf_instant     woken = hf_now();
    for (bool closing = false; !closing;) {
        /* From the last waking on: it may be held up before it naps, too. */
        const hf_instant due = hf_later(woken, hf_ms(1));
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        woken = hf_now();

        pthread_mutex_lock(&canary->locked.mutex);
        /* Every timer is some tens of microseconds late; that is no delay worth a row. */
        if (hf_between(due, woken).ns > hf_us(200).ns) {
            canary->locked.naps[canary->locked.count++ % CANARY_NAPS] = (struct late_nap){
                due, woken
            };
        }
        canary->locked.heard = woken;
        closing = canary->locked.closing;
        pthread_cond_broadcast(&canary->locked.napped);
        pthread_mutex_unlock(&canary->locked.mutex);
    }
    return NULL;
}

struct canary *canary_open(void)
{
    struct canary *canary = calloc(1, sizeof *canary);
    if (!canary) die("canary: out of memory");
    pthread_mutex_init(&canary->locked.mutex, NULL);
    pthread_cond_init(&canary->locked.napped, NULL);
    if (pthread_create(&canary->thread, NULL, nap_and_note, canary) != 0) {
        die("canary: no thread");
    }
    /* What comes before its first nap it would not see. */
    pthread_mutex_lock(&canary->locked.mutex);
    while (canary->locked.heard.ns == 0) {
        pthread_cond_wait(&canary->locked.napped, &canary->locked.mutex);
    }
    pthread_mutex_unlock(&canary->locked.mutex);
    return canary;
}

void canary_close(struct canary *canary)
{
    if (!canary) return;
    pthread_mutex_lock(&canary->locked.mutex);
    canary->locked.closing = true;
    pthread_mutex_unlock(&canary->locked.mutex);
    pthread_join(canary->thread, NULL);
    pthread_cond_destroy(&canary->locked.napped);
    pthread_mutex_destroy(&canary->locked.mutex);
    free(canary);
}

static hf_instant later_of(hf_instant a, hf_instant b)
{
    return hf_before(a, b) ? b : a;
}

hf_duration canary_worst_delay(struct canary *canary, hf_instant from, hf_instant to)
{
    hf_duration worst = hf_ns(0);
    pthread_mutex_lock(&canary->locked.mutex);
    while (hf_before(canary->locked.heard, to)) {
        pthread_cond_wait(&canary->locked.napped, &canary->locked.mutex);
    }
    const size_t kept = canary->locked.count < CANARY_NAPS ? canary->locked.count
                                                           : (size_t)CANARY_NAPS;
    for (size_t i = 0; i < kept; i++) {
        const struct late_nap *nap = &canary->locked.naps[i];
        const hf_duration      late = hf_between(later_of(nap->due, from),
                                                 hf_earlier_of(nap->woken, to));
        if (late.ns > worst.ns) worst = late;
    }
    pthread_mutex_unlock(&canary->locked.mutex);
    return worst;
}

/* Of all times in which the thread was runnable and did not run, by its schedstat; 0 where
 * the kernel does not count them. */
static int64_t delays_in(const char *path)
{
    char          text[128] = "";
    long long     ran, waited = 0;
    const int     fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (size <= 0 || sscanf(text, "%lld %lld", &ran, &waited) != 2) return 0;
    return waited;
}

hf_duration canary_own_delay(void)
{
    static _Thread_local int64_t known;
    const int64_t                ever = delays_in("/proc/thread-self/schedstat");
    const hf_duration            since = hf_ns(ever - known);
    known = ever;
    return since;
}

hf_duration canary_delays_of(pid_t process)
{
    char           path[64];
    int64_t        sum = 0;
    struct dirent *entry;
    snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    DIR *tasks = opendir(path);
    while (tasks && (entry = readdir(tasks))) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", (int)process,
                 entry->d_name);
        sum += delays_in(path);
    }
    if (tasks) closedir(tasks);
    return hf_ns(sum);
}
