/* asker.h - a thread that asks a source, so that who draws never waits for an answer.
 *
 *     if (!asker_start(&a, &source)) return ...;
 *     asker_ask(&a, client, wants_hot);
 *     ...                                          screen_wait() wakes when it is answered
 *     news = asker_take(&a, &reading, why, sizeof why);
 *     ...
 *     if (asker_stop(&a)) source_close(&source);
 *
 * Threads:  one of its own. The functions are for one other, which leaves the source alone
 *           between start and stop.
 * Memory:   fixed. What asker_stop() left behind must stay until the process ends.
 * Time:     none waits; stopping takes 50 ms at most. */

#ifndef CLI_TOP_ASKER_H
#define CLI_TOP_ASKER_H

#include "source.h"

#include <pthread.h>

enum asker_phase { ASKER_IDLE, ASKER_ASKED, ASKER_ANSWERED };

struct asker {
    struct source  *source; /* The thread's while a question is under way. */
    struct reading  answer; /* As well. */
    hf_instant      asked;
    pthread_t       thread;
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    struct {
        enum asker_phase phase;
        bool             is_reading; /* The answer; else it is why there is none. */
        bool             is_ending;
    } guarded;
};

enum asker_news { ASKER_NOTHING, ASKER_READING, ASKER_TROUBLE };

/* False when there is no thread to be had. */
bool asker_start(struct asker *a, struct source *source);

/* Only when it is not busy. */
void asker_ask(struct asker *a, size_t client, bool wants_hot);

/* A question is under way, or what came of it not taken. */
bool asker_is_busy(struct asker *a);

/* What came of the question, once: into *r, or into why. */
enum asker_news asker_take(struct asker *a, struct reading *r, char *why, size_t size);

/* True: the thread has ended. False: it was left behind with a question that nobody answers;
 * the source must not be closed. */
bool asker_stop(struct asker *a);

#endif
