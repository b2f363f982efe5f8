#include "asker.h"

#include "screen.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

enum { STOP_MS = 50 };

static void *answer(void *ctx)
{
    struct asker *a = ctx;
    pthread_mutex_lock(&a->lock);
    while (!a->guarded.is_ending) {
        if (a->guarded.phase != ASKER_ASKED) {
            pthread_cond_wait(&a->changed, &a->lock);
            continue;
        }
        pthread_mutex_unlock(&a->lock);
        const bool is_reading = source_read(a->source, &a->answer);
        pthread_mutex_lock(&a->lock);
        a->guarded.is_reading = is_reading;
        a->guarded.phase = ASKER_ANSWERED;
        pthread_cond_signal(&a->changed);
        screen_wake();
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* Signals are for who draws. */
static bool start_thread(struct asker *a)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failure = pthread_create(&a->thread, NULL, answer, a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure == 0;
}

bool asker_start(struct asker *a, struct source *source)
{
    pthread_condattr_t monotonic;
    *a = (struct asker){ .source = source };
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&a->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&a->lock, NULL);
    return start_thread(a);
}

void asker_ask(struct asker *a, size_t client, bool wants_hot)
{
    pthread_mutex_lock(&a->lock);
    a->source->client = client;
    a->source->wants_hot = wants_hot;
    a->asked = hf_now();
    a->guarded.phase = ASKER_ASKED;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

bool asker_is_busy(struct asker *a)
{
    pthread_mutex_lock(&a->lock);
    const bool is_busy = a->guarded.phase != ASKER_IDLE;
    pthread_mutex_unlock(&a->lock);
    return is_busy;
}

enum asker_news asker_take(struct asker *a, struct reading *r, char *why, size_t size)
{
    enum asker_news news = ASKER_NOTHING;
    pthread_mutex_lock(&a->lock);
    if (a->guarded.phase == ASKER_ANSWERED) {
        news = a->guarded.is_reading ? ASKER_READING : ASKER_TROUBLE;
        a->guarded.phase = ASKER_IDLE;
    }
    pthread_mutex_unlock(&a->lock);
    if (news == ASKER_READING) *r = a->answer;
    if (news == ASKER_TROUBLE) snprintf(why, size, "%s", a->source->why);
    return news;
}

bool asker_stop(struct asker *a)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += STOP_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;

    pthread_mutex_lock(&a->lock);
    a->guarded.is_ending = true;
    pthread_cond_signal(&a->changed);
    int failure = 0;
    while (a->guarded.phase == ASKER_ASKED && !failure) {
        failure = pthread_cond_timedwait(&a->changed, &a->lock, &until);
    }
    const bool is_left = a->guarded.phase == ASKER_ASKED;
    pthread_mutex_unlock(&a->lock);
    if (is_left) {
        pthread_detach(a->thread);
        return false;
    }
    pthread_join(a->thread, NULL);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    return true;
}
