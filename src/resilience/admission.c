#include "resilience/admission.h"

#include "core/assert.h"

static const int64_t half_minute_ns = INT64_C(30000000000);

struct hf_admission_opts hf_admission_opts_default(void)
{
    return (struct hf_admission_opts){
        .limit_min = 4, .limit_max = 1000, .tolerance = 2, .window = hf_ms(100)
    };
}

void hf_admission_init(struct hf_admission *a, const struct hf_admission_opts *opts,
                       hf_instant now)
{
    hf_assert(opts->limit_min >= 1 && opts->limit_max >= opts->limit_min);
    hf_assert(opts->tolerance >= 1 && opts->window.ns > 0);

    *a = (struct hf_admission){ .opts = *opts, .limit = opts->limit_max };
    a->locked.window_began = a->locked.half_began = now;
    pthread_mutex_init(&a->lock, NULL);
}

void hf_admission_deinit(struct hf_admission *a)
{
    hf_assert(a->in_flight == 0);
    pthread_mutex_destroy(&a->lock);
}

bool hf_admission_enter(struct hf_admission *a)
{
    const uint32_t before = atomic_fetch_add_explicit(&a->in_flight, 1, memory_order_relaxed);
    if (before < hf_admission_limit(a)) return true;
    atomic_fetch_sub_explicit(&a->in_flight, 1, memory_order_relaxed);
    return false;
}

static void remember_best(struct hf_admission *a, hf_instant now, double mean_ns)
{
    double *best_ns = a->locked.best_ns;
    if (hf_between(a->locked.half_began, now).ns >= half_minute_ns) {
        best_ns[1] = best_ns[0];
        best_ns[0] = 0;
        a->locked.half_began = now;
    }
    if (best_ns[0] == 0 || mean_ns < best_ns[0]) best_ns[0] = mean_ns;
}

static double best_of(const struct hf_admission *a)
{
    const double *best_ns = a->locked.best_ns;
    return best_ns[1] > 0 && best_ns[1] < best_ns[0] ? best_ns[1] : best_ns[0];
}

static void end_window(struct hf_admission *a, hf_instant now)
{
    const double limit = hf_admission_limit(a);
    const double mean_ns = a->locked.sum_ns / a->locked.samples;
    remember_best(a, now, mean_ns);

    double factor = mean_ns > 0 ? best_of(a) * a->opts.tolerance / mean_ns : 1;
    if (factor > 1) factor = 1;
    if (factor < 0.5) factor = 0.5;
    const bool is_used = a->locked.in_flight_max >= limit / 2;
    double     next = limit * factor + (is_used || factor < 1 ? 2 + limit / 10 : 0);
    if (next < a->opts.limit_min) next = a->opts.limit_min;
    if (next > a->opts.limit_max) next = a->opts.limit_max;
    atomic_store_explicit(&a->limit, (uint32_t)next, memory_order_relaxed);

    a->locked.window_began = now;
    a->locked.sum_ns = 0;
    a->locked.samples = 0;
    a->locked.in_flight_max = 0;
}

static uint32_t leave(struct hf_admission *a)
{
    const uint32_t before = atomic_fetch_sub_explicit(&a->in_flight, 1, memory_order_relaxed);
    hf_assert(before > 0);
    return before;
}

void hf_admission_leave_untimed(struct hf_admission *a)
{
    leave(a);
}

void hf_admission_leave(struct hf_admission *a, hf_instant now, hf_duration took)
{
    const uint32_t in_flight = leave(a);
    if (pthread_mutex_trylock(&a->lock)) return;

    a->locked.sum_ns += (double)took.ns;
    a->locked.samples++;
    if (in_flight > a->locked.in_flight_max) a->locked.in_flight_max = in_flight;
    if (a->locked.samples >= HF_ADMISSION_SAMPLES &&
        hf_between(a->locked.window_began, now).ns >= a->opts.window.ns) {
        end_window(a, now);
    }
    pthread_mutex_unlock(&a->lock);
}

uint32_t hf_admission_limit(const struct hf_admission *a)
{
    return atomic_load_explicit(&a->limit, memory_order_relaxed);
}
