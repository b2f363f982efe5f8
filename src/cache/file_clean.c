#include "cache/file.h"
#include "cache/scan.h"
#include "core/cancel.h"
#include "core/condition.h"
#include "core/error.h"
#include "core/thread.h"

#include <unistd.h>

static bool is_stopping(struct hf_files *f)
{
    pthread_mutex_lock(&f->lock);
    const bool stops = f->guarded.is_stopping;
    pthread_mutex_unlock(&f->lock);
    return stops;
}

/* One entry, which may be anything. */
static hf_err clean_entry(struct hf_files *f, struct hf_cache_op *op,
                          struct hf_files_cleaned *cleaned)
{
    struct hf_cache_header head;
    struct hf_file_ref     ref;
    struct hf_value       *value;
    unsigned char          header[HF_ENVELOPE_SIZE];
    char                   path[2 * HF_FILE_PATH_MAX];
    hf_err                 err = hf_cache_read_header(op, &head);
    if (err) return err;
    if (head.envelope.is_large || head.envelope.raw_size > HF_FILE_REF_MAX) return HF_OK;
    err = hf_cache_fetch_exact(op, header, &value);
    if (err) return err;
    if (!hf_value_is_large(value) && hf_file_ref_decode(hf_value_data(value), &ref) &&
        hf_file_place_locate(&f->places, &ref, path)) {
        cleaned->references++;
        if (hf_file_check(f, path, &ref) == HF_MISS) {
            hf_cache_unlink_same(op, header);
            cleaned->deleted++;
        }
    }
    hf_value_release(value);
    return HF_OK;
}

static hf_err clean_key(struct hf_files *f, const struct hf_call *call, struct hf_bytes wire,
                        struct hf_files_cleaned *cleaned, struct hf_error *error)
{
    struct hf_cache_op op = {
        .cache = f->cache, .name = "files clean", .error = error, .is_part = true
    };
    if (wire.size <= f->cache->keyspace.head_size) return HF_OK;
    hf_err err = hf_cache_op_begin(&op, call, hf_cache_name(f->cache, wire));
    if (err) return err;
    err = clean_entry(f, &op, cleaned);
    hf_key_deinit(&op.key);
    return err == HF_MISS ? HF_OK : err;
}

static hf_err clean(struct hf_files *f, const struct hf_call *call, struct hf_bytes match,
                    struct hf_files_cleaned *cleaned, struct hf_error *error)
{
    uint64_t cursor = 0;
    do {
        const struct hf_cache_limit limit = hf_cache_limit(f->cache, call, hf_now());
        struct hf_scan_step         step;
        hf_err err = hf_scan_step(f->cache, &limit, match, cursor, &step, error);
        if (err) return err;
        for (size_t i = 0; i < hf_reply_count(step.keys) && !err && !is_stopping(f); i++) {
            struct hf_bytes wire;
            if (hf_reply_bytes(hf_reply_at(step.keys, i), &wire)) continue;
            err = clean_key(f, call, wire, cleaned, error);
        }
        cursor = step.next;
        hf_scan_step_free(&step);
        if (err) return err;
    } while (cursor && !is_stopping(f));
    return HF_OK;
}

static hf_err files_clean(struct hf_files *f, const struct hf_call *call,
                          struct hf_files_cleaned *cleaned, struct hf_error *error)
{
    struct hf_files_cleaned unwanted = { 0 };
    struct hf_buffer        match;
    hf_buffer_init(&match, f->cache->allocator, HF_KEY_MAX);
    hf_err err = hf_scan_match(&f->cache->keyspace, hf_str("*"), &match);
    if (err) {
        hf_fail(error, err, "files clean");
    } else {
        err = clean(f, call, hf_bytes(hf_buffer_bytes(&match), hf_buffer_size(&match)),
                    cleaned ? cleaned : &unwanted, error);
    }
    hf_buffer_deinit(&match);
    return err;
}

hf_err hf_files_clean(struct hf_files *f, const struct hf_call *call,
                      struct hf_files_cleaned *cleaned, struct hf_error *error)
{
    const int    cancels = hf_cancel_defer(); /* Files are open. */
    const hf_err err = files_clean(f, call, cleaned, error);
    hf_cancel_restore(cancels);
    return err;
}

/* ---- In the background --------------------------------------------------------- */

static void wait_for_next(struct hf_files *f)
{
    const hf_instant until = hf_later(hf_now(), f->clean_interval);
    pthread_mutex_lock(&f->lock);
    while (!f->guarded.is_stopping && hf_condition_wait(&f->news, &f->lock, until)) continue;
    pthread_mutex_unlock(&f->lock);
}

static void *clean_from_time_to_time(void *ctx)
{
    struct hf_files *f = ctx;
    while (!is_stopping(f)) {
        /* What fails now is tried again next time. */
        (void)!hf_files_clean(f, NULL, NULL, NULL);
        wait_for_next(f);
    }
    return NULL;
}

hf_err hf_files_start_cleaner(struct hf_files *f)
{
    hf_condition_init(&f->news);
    pthread_mutex_init(&f->lock, NULL);
    f->pid = getpid();
    if (!f->clean_interval.ns) return HF_OK;
    return hf_thread_start(&f->cleaner, clean_from_time_to_time, f);
}

void hf_files_stop_cleaner(struct hf_files *f)
{
    /* In a forked child there is no such thread, and the lock may be held by nobody. */
    if (f->pid != getpid()) return;
    pthread_mutex_lock(&f->lock);
    f->guarded.is_stopping = true;
    pthread_cond_broadcast(&f->news);
    pthread_mutex_unlock(&f->lock);
    if (f->clean_interval.ns) pthread_join(f->cleaner, NULL);
    pthread_cond_destroy(&f->news);
    pthread_mutex_destroy(&f->lock);
}
