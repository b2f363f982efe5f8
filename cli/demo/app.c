#include "app.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* A page as the application computes it: the same bytes for the same number, always. */
struct page {
    char        key[24];
    hf_duration ttl;
    size_t      size;
    char        body[APP_PAGE_SIZE_MAX];
};

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static void compute(struct page *page, uint32_t number)
{
    uint64_t state = number;
    snprintf(page->key, sizeof page->key, "page:%u", number);
    page->size = 200 + (size_t)(next_random(&state) % (APP_PAGE_SIZE_MAX - 200));
    page->ttl = hf_ms(APP_TTL_MS_MIN +
                      (uint32_t)(next_random(&state) % (APP_TTL_MS_MAX - APP_TTL_MS_MIN)));
    const int head = snprintf(page->body, sizeof page->body, "page %u, %zu bytes\n", number,
                              page->size);
    for (size_t i = (size_t)head; i < page->size; i++) {
        page->body[i] = (char)('a' + next_random(&state) % 26);
    }
}

/* A few pages are asked for much more often than the rest, as everywhere. */
static uint32_t pick(uint64_t *state)
{
    const uint64_t a = next_random(state) % APP_PAGES, b = next_random(state) % APP_PAGES;
    return (uint32_t)(a * b / APP_PAGES);
}

static void check_deadline(struct meter *m, hf_instant began, hf_instant ended)
{
    const hf_duration took = hf_between(began, ended);
    if (took.ns > hf_ms(APP_DEADLINE_MS + APP_OVERRUN_MS).ns) meter_add(m, METER_OVERRUNS);
}

static void check_value(struct meter *m, const struct page *page,
                        const struct hf_value *value)
{
    const struct hf_bytes data = hf_value_data(value);
    const bool            right = data.size == page->size &&
                       memcmp(data.data, page->body, page->size) == 0;
    if (!right) meter_add(m, METER_WRONG);
}

static void store(struct app *app, struct meter *m, const struct page *page)
{
    const struct hf_call  call = { .timeout = hf_ms(APP_DEADLINE_MS) };
    const struct hf_set   how = { .ttl = page->ttl };
    const struct hf_bytes body = hf_bytes(page->body, page->size);
    const hf_instant      began = hf_now();
    const hf_err err = hf_cache_set(app->cache, &call, hf_str(page->key), body, &how, NULL);
    check_deadline(m, began, hf_now());
    if (err) meter_add(m, METER_UNSTORED);
}

static void serve(struct app *app, struct meter *m, uint32_t number)
{
    const struct hf_call call = { .timeout = hf_ms(APP_DEADLINE_MS) };
    struct page          page;
    struct hf_value     *value;
    compute(&page, number);

    const hf_instant began = hf_now();
    const hf_err     err = hf_cache_get(app->cache, &call, hf_str(page.key), &value, NULL);
    const hf_instant read = hf_now();
    check_deadline(m, began, read);

    meter_add(m, METER_REQUESTS);
    if (err == HF_OK) {
        faults_hit(app->faults, read);
        check_value(m, &page, value);
        hf_value_release(value);
        meter_add(m, METER_HITS);
    } else {
        const enum hf_category category = hf_err_category(err);
        const bool ours = category == HF_CATEGORY_USAGE || category == HF_CATEGORY_LOCAL;
        meter_add(m, ours ? METER_APP_ERRORS : METER_COMPUTED);
        if (err == HF_MISS) {
            store(app, m, &page);
        } else {
            meter_add(m, METER_FAILED);
        }
    }
    meter_latency(m, hf_between(began, hf_now()));
}

static void sleep_until(hf_instant t)
{
    const struct timespec ts = { t.ns / 1000000000, t.ns % 1000000000 };
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static void *run(void *ctx)
{
    struct app_thread *self = ctx;
    struct app        *app = self->app;
    const hf_duration  interval = hf_ns(INT64_C(1000000000) * APP_THREADS /
                                        APP_REQUESTS_PER_SECOND);
    uint64_t           random = self->number;
    hf_instant next = hf_later(hf_now(), hf_ns(interval.ns * self->number / APP_THREADS));

    while (!atomic_load_explicit(&app->stopping, memory_order_relaxed)) {
        const bool waits = hf_before(hf_now(), next);
        sleep_until(next);
        if (waits) meter_late(&self->meter, hf_between(next, hf_now()));
        serve(app, &self->meter, pick(&random));
        next = hf_later(next, interval);
        const hf_instant now = hf_now();
        if (hf_between(next, now).ns > 10 * interval.ns) next = now;
    }
    return NULL;
}

bool app_start(struct app *app, struct hf_cache *cache, struct faults *faults)
{
    memset(app, 0, sizeof *app);
    app->cache = cache;
    app->faults = faults;
    for (; app->started < APP_THREADS; app->started++) {
        struct app_thread *t = &app->threads[app->started];
        t->app = app;
        t->number = app->started;
        if (pthread_create(&t->thread, NULL, run, t) != 0) return false;
    }
    return true;
}

void app_stop(struct app *app)
{
    atomic_store(&app->stopping, true);
    for (unsigned i = 0; i < app->started; i++) pthread_join(app->threads[i].thread, NULL);
}

void app_read(struct app *app, struct tally *tally)
{
    struct meter *meters[APP_THREADS];
    for (size_t i = 0; i < APP_THREADS; i++) meters[i] = &app->threads[i].meter;
    meter_read(meters, APP_THREADS, tally);
}
