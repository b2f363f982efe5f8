#include "cache/warm.h"

#include "core/alloc.h"
#include "core/buffer.h"
#include "core/cancel.h"
#include "core/error.h"
#include "core/pace.h"
#include "core/thread.h"

enum {
    ENTRIES = 100, /* Of a batch. */
    BYTES = 1024 * 1024,
    BATCHES_A_SECOND = 20, /* At least, where the rate is limited, so that it is even. */
    CONCURRENCY = 2,
};

enum state {
    IDLE,
    GIVEN, /* To its thread. */
    DONE,  /* To be collected. */
};

/* One batch. While it is given to its thread nobody else touches it. */
struct slot {
    struct warm     *warm;
    size_t           index;
    size_t           count;
    uint64_t         position; /* Of the source after the last entry. */
    uint64_t         offset;
    uint64_t         positions[ENTRIES];
    struct hf_bytes  keys[ENTRIES];
    struct hf_bytes  values[ENTRIES];
    struct hf_set    hows[ENTRIES];
    hf_err           errs[ENTRIES];
    struct hf_error  error;
    struct hf_buffer bytes; /* Keys and values, one behind the other. */
    pthread_t        thread;
};

struct warm {
    struct hf_cache         *cache;
    struct hf_call           call;
    struct hf_warm           how;
    struct hf_warm_source   *source;
    struct hf_warm_progress *progress;
    struct hf_error         *error;
    struct hf_pace           pace;
    size_t                   entries_max; /* In a batch. */
    struct hf_warm_entry     ahead;       /* Read, and not in a slot yet. */
    bool                     has_ahead;
    bool                     is_at_end;
    struct slot             *slots;
    size_t                   slot_count;
    size_t                   thread_count;
    pthread_mutex_t          lock;
    pthread_cond_t           changed;
    struct {
        enum state states[HF_WARM_CONCURRENCY_MAX];
        bool       is_over;
    } guarded;
};

static void tell(struct warm *w, uint64_t position, struct hf_bytes key, hf_err err,
                 const char *detail)
{
    const struct hf_warm_failure failure = { position, key, err, detail };
    w->progress->failed++;
    if (w->how.failure) w->how.failure(&failure, w->how.ctx);
}

static void submit(struct slot *s)
{
    struct warm *w = s->warm;
    s->error = (struct hf_error){ .code = HF_OK };
    if (s->count == 1) { /* Which may be larger than a batch can be. */
        s->errs[0] = hf_cache_set(w->cache, &w->call, s->keys[0], s->values[0], s->hows,
                                  &s->error);
    } else {
        (void)!hf_cache_set_each(w->cache, &w->call, s->keys, s->values, s->count, s->hows,
                                 s->errs, &s->error);
    }
}

static void *work(void *arg)
{
    struct slot *s = arg;
    struct warm *w = s->warm;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->guarded.states[s->index] != GIVEN && !w->guarded.is_over) {
            pthread_cond_wait(&w->changed, &w->lock);
        }
        if (w->guarded.states[s->index] != GIVEN) break;
        pthread_mutex_unlock(&w->lock);
        submit(s);
        pthread_mutex_lock(&w->lock);
        w->guarded.states[s->index] = DONE;
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* Waits until the slot is nobody else's; true when there is something to collect. */
static bool take_back(struct warm *w, struct slot *s)
{
    pthread_mutex_lock(&w->lock);
    while (w->guarded.states[s->index] == GIVEN) pthread_cond_wait(&w->changed, &w->lock);
    const bool is_done = w->guarded.states[s->index] == DONE;
    w->guarded.states[s->index] = IDLE;
    pthread_mutex_unlock(&w->lock);
    return is_done;
}

static void hand_over(struct warm *w, struct slot *s)
{
    hf_sleep(hf_pace_take(&w->pace, hf_now(), (uint32_t)s->count));
    if (w->thread_count == 0) submit(s);
    pthread_mutex_lock(&w->lock);
    w->guarded.states[s->index] = w->thread_count == 0 ? DONE : GIVEN;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/* The entry itself is at fault, or nothing will be better for the next one either. */
static bool is_of_the_entry(hf_err err)
{
    const enum hf_category category = hf_err_category(err);
    return category == HF_CATEGORY_USAGE || category == HF_CATEGORY_REPLY;
}

/* Counts what came of a batch. At the first failure that is not the entry's own it ends. */
static hf_err collect(struct warm *w, struct slot *s)
{
    struct hf_warm_progress *p = w->progress;
    if (!take_back(w, s)) return HF_OK;
    for (size_t i = 0; i < s->count; i++) {
        const hf_err err = s->errs[i];
        if (err == HF_OK) {
            p->stored++;
            p->bytes += s->values[i].size;
        } else if (err == HF_MISS) {
            p->present++;
        } else if (is_of_the_entry(err)) {
            tell(w, s->positions[i], s->keys[i], err, hf_err_text(err));
        } else {
            return hf_fail(w->error, err, "%s", s->error.detail);
        }
        p->position = s->positions[i];
    }
    p->position = s->position;
    p->offset = s->offset;
    const bool goes_on = w->is_at_end || !w->how.progress || w->how.progress(p, w->how.ctx);
    return goes_on ? HF_OK : HF_MISS;
}

/* Reads the entry ahead; tells those that cannot be had. */
static void look_ahead(struct warm *w)
{
    while (!w->has_ahead && !w->is_at_end) {
        struct hf_error error = { .code = HF_OK };
        w->ahead = (struct hf_warm_entry){ .ttl = hf_ns(0) };
        const hf_err err = w->source->next(&w->ahead, &error, w->source->ctx);
        if (err == HF_OK) w->has_ahead = true;
        if (err == HF_MISS) w->is_at_end = true;
        if (err && err != HF_MISS && w->source->position > w->progress->position) {
            tell(w, w->source->position, hf_bytes(NULL, 0), err,
                 error.detail[0] ? error.detail : hf_err_text(err));
        }
    }
}

static bool fits(const struct warm *w, const struct slot *s)
{
    if (s->count == 0) return true;
    const size_t more = w->ahead.key.size + w->ahead.value.size;
    return s->count < w->entries_max && hf_buffer_size(&s->bytes) + more <= BYTES;
}

static hf_err put(struct warm *w, struct slot *s)
{
    const struct hf_warm_entry *e = &w->ahead;
    const size_t                i = s->count;
    hf_err                      err = hf_buffer_append(&s->bytes, e->key.data, e->key.size);
    if (!err) err = hf_buffer_append(&s->bytes, e->value.data, e->value.size);
    if (err) return hf_fail(w->error, err, "entry of %zu bytes", e->key.size + e->value.size);
    s->keys[i] = hf_bytes(NULL, e->key.size);
    s->values[i] = hf_bytes(NULL, e->value.size);
    s->hows[i] = (struct hf_set){
        .ttl = e->ttl.ns ? e->ttl : w->how.ttl,
        .condition = w->how.only_missing ? HF_SET_IF_ABSENT : HF_SET_ALWAYS,
    };
    s->positions[i] = w->source->position;
    s->count++;
    return HF_OK;
}

/* An entry that no cache could hold: told at once, for it would not fit a slot either. */
static bool is_too_large(struct warm *w)
{
    const struct hf_warm_entry *e = &w->ahead;
    if (e->key.size <= HF_KEY_MAX && e->value.size <= w->cache->value_size_max) return false;
    tell(w, w->source->position, e->key, HF_E_TOO_LARGE, hf_err_text(HF_E_TOO_LARGE));
    return true;
}

static hf_err fill(struct warm *w, struct slot *s)
{
    hf_err err = HF_OK;
    s->count = 0;
    hf_buffer_clear(&s->bytes, 2 * BYTES);
    for (look_ahead(w); w->has_ahead && !err && fits(w, s); look_ahead(w)) {
        const bool is_done_before = w->source->position <= w->progress->position;
        if (!is_done_before && !is_too_large(w)) err = put(w, s);
        s->position = w->source->position;
        s->offset = w->source->offset;
        w->has_ahead = false;
    }
    const char *at = s->count ? hf_buffer_bytes(&s->bytes) : NULL;
    for (size_t i = 0; i < s->count; i++) {
        s->keys[i].data = at;
        s->values[i].data = at + s->keys[i].size;
        at += s->keys[i].size + s->values[i].size;
    }
    return err;
}

static hf_err run(struct warm *w)
{
    size_t at = 0;
    while (!w->is_at_end) {
        struct slot *s = &w->slots[at];
        hf_err       err = collect(w, s);
        if (!err) err = fill(w, s);
        if (err) return err;
        if (s->count == 0) break;
        hand_over(w, s);
        at = (at + 1) % w->slot_count;
    }
    for (size_t i = 0; i < w->slot_count; i++) {
        const hf_err err = collect(w, &w->slots[(at + i) % w->slot_count]);
        if (err) return err;
    }
    if (w->source->position > w->progress->position)
        w->progress->position = w->source->position;
    w->progress->offset = w->source->offset;
    return HF_OK;
}

static hf_err check(const struct hf_warm *how, struct hf_error *error)
{
    int64_t ms;
    if (how->concurrency > HF_WARM_CONCURRENCY_MAX) {
        return hf_fail(error, HF_E_RANGE, "concurrency of %u: at most %d", how->concurrency,
                       HF_WARM_CONCURRENCY_MAX);
    }
    return how->ttl.ns ? hf_cache_ttl_ms(how->ttl, &ms, error) : HF_OK;
}

static hf_err start(struct warm *w)
{
    const struct hf_allocator *a = w->cache->allocator;
    w->slots = hf_alloc_zero(a, w->slot_count, sizeof *w->slots);
    if (!w->slots) return hf_fail(w->error, HF_E_NOMEM, "%zu batches", w->slot_count);
    for (size_t i = 0; i < w->slot_count; i++) {
        w->slots[i].warm = w;
        w->slots[i].index = i;
        hf_buffer_init(&w->slots[i].bytes, a, BYTES + HF_KEY_MAX + w->cache->value_size_max);
    }
    if (w->slot_count == 1) return HF_OK;
    for (; w->thread_count < w->slot_count; w->thread_count++) {
        struct slot *s = &w->slots[w->thread_count];
        const hf_err err = hf_thread_start(&s->thread, work, s);
        if (err) return hf_fail(w->error, err, "thread for a batch");
    }
    return HF_OK;
}

static void stop(struct warm *w)
{
    pthread_mutex_lock(&w->lock);
    w->guarded.is_over = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < w->thread_count; i++) pthread_join(w->slots[i].thread, NULL);
    for (size_t i = 0; w->slots && i < w->slot_count; i++)
        hf_buffer_deinit(&w->slots[i].bytes);
    hf_free(w->cache->allocator, w->slots);
}

hf_err hf_cache_warm_from(struct hf_cache *cache, const struct hf_call *call,
                          const struct hf_warm *how, struct hf_warm_source *source,
                          struct hf_warm_progress *progress, struct hf_error *error)
{
    struct warm w = {
        .cache = cache, .source = source, .progress = progress, .error = error
    };
    if (call) w.call = *call;
    if (how) w.how = *how;
    hf_err err = check(&w.how, error);
    if (err) return hf_fail_in(error, err, "cache warm");

    if (w.how.ttl.ns == 0) w.how.ttl = cache->default_ttl;
    w.slot_count = w.how.concurrency ? w.how.concurrency : CONCURRENCY;
    w.pace.rate = w.how.rate;
    w.entries_max = ENTRIES;
    if (w.how.rate && w.how.rate / BATCHES_A_SECOND < ENTRIES) {
        w.entries_max = 1 + w.how.rate / BATCHES_A_SECOND;
    }
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.changed, NULL);
    const int cancels = hf_cancel_defer(); /* Its threads work on what is on this stack. */
    err = start(&w);
    if (!err) err = run(&w);
    stop(&w);
    hf_cancel_restore(cancels);
    pthread_cond_destroy(&w.changed);
    pthread_mutex_destroy(&w.lock);
    return err && err != HF_MISS ? hf_fail_in(error, err, "cache warm") : err;
}

/* Entries of the user's, counted. */
struct counted {
    hf_warm_next_fn        next;
    void                  *ctx;
    struct hf_warm_source *source;
};

static hf_err next_counted(struct hf_warm_entry *entry, struct hf_error *error, void *ctx)
{
    struct counted *c = ctx;
    const hf_err    err = c->next(entry, error, c->ctx);
    if (err != HF_MISS) c->source->position++;
    return err;
}

hf_err hf_cache_warm(struct hf_cache *cache, const struct hf_call *call,
                     const struct hf_warm *how, hf_warm_next_fn next, void *ctx,
                     struct hf_warm_progress *progress, struct hf_error *error)
{
    struct hf_warm_source source = { .next = next_counted };
    struct counted        counted = { next, ctx, &source };
    source.ctx = &counted;
    return hf_cache_warm_from(cache, call, how, &source, progress, error);
}
