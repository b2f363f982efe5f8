#include "tasks/waiting.h"

#include "core/assert.h"
#include "core/cancel.h"
#include "core/condition.h"

void hf_waiting_init(struct hf_waiting *w)
{
    *w = (struct hf_waiting){ 0 };
    pthread_mutex_init(&w->lock, NULL);
    for (size_t i = 0; i < HF_WAITING_KINDS; i++) {
        hf_condition_init(&w->guarded.kinds[i].lead_is_free);
    }
}

void hf_waiting_deinit(struct hf_waiting *w)
{
    for (size_t i = 0; i < HF_WAITING_KINDS; i++) {
        hf_assert(w->guarded.kinds[i].threads == 0);
        pthread_cond_destroy(&w->guarded.kinds[i].lead_is_free);
    }
    pthread_mutex_destroy(&w->lock);
}

/* Called under the lock. NULL when there is no room. */
static struct hf_waiting_kind *enter(struct hf_waiting *w, uint64_t hash)
{
    struct hf_waiting_kind *unused = NULL;
    for (size_t i = 0; i < HF_WAITING_KINDS; i++) {
        struct hf_waiting_kind *kind = &w->guarded.kinds[i];
        if (kind->threads && kind->hash == hash) {
            kind->threads++;
            return kind;
        }
        if (!kind->threads) unused = kind;
    }
    if (!unused) return NULL;
    unused->hash = hash;
    unused->threads = 1;
    unused->has_leader = false;
    return unused;
}

bool hf_waiting_lead(struct hf_waiting *w, uint64_t hash, hf_instant until,
                     struct hf_waiting_kind **entered)
{
    const int cancels = hf_cancel_defer();
    pthread_mutex_lock(&w->lock);
    struct hf_waiting_kind *kind = enter(w, hash);
    bool                    leads = true;
    if (kind) {
        while (kind->has_leader && hf_condition_wait(&kind->lead_is_free, &w->lock, until)) {
        }
        leads = !kind->has_leader;
        if (leads) kind->has_leader = true;
        if (!leads) kind->threads--;
    }
    pthread_mutex_unlock(&w->lock);
    hf_cancel_restore(cancels);
    if (leads) *entered = kind;
    return leads;
}

void hf_waiting_leave(struct hf_waiting *w, struct hf_waiting_kind *kind)
{
    if (!kind) return;
    pthread_mutex_lock(&w->lock);
    kind->has_leader = false;
    kind->threads--;
    pthread_cond_signal(&kind->lead_is_free);
    pthread_mutex_unlock(&w->lock);
}
