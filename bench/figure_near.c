#include "child.h"
#include "die.h"
#include "figures.h"
#include "ours.h"
#include "step.h"

#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    HOT_KEYS = 1000,
    ROOM_FOR_ALL = 64 * 1024 * 1024,
    WAIT_MAX_MS = 20000,
    AT_ONCE = 100,
};

struct near {
    struct hf_client     *client;
    struct hf_cache      *cache;
    const struct dataset *data;
    size_t                next;
};

static void near_open(struct near *n, struct lab *lab, size_t bytes)
{
    const struct hf_cache_options how = { .near_bytes = bytes,
                                          .near_coherence_max = hf_seconds(10) };
    n->next = 0;
    n->data = lab_dataset(lab, SMALL_VALUE);
    n->client = ours_open(&lab->server.unix_address, NULL, NULL);
    n->cache = ours_open_cache_with(n->client, n->data, &how);
}

static void near_close(struct near *n)
{
    hf_cache_close(n->cache);
    hf_client_close(n->client);
}

static struct hf_stats stats_of(const struct near *n)
{
    struct hf_stats stats;
    hf_stats_get(n->client, &stats);
    return stats;
}

static void get(struct near *n, size_t index)
{
    struct hf_value *value;
    struct hf_error  error;
    if (hf_cache_get(n->cache, NULL, n->data->keys[index], &value, &error)) {
        die("cache: %s", error.detail);
    }
    if (!ours_is_cached(value, n->data->value)) die("cache: not what was stored");
}

/* Not by the statistics: there is a library without them. */
static bool is_near(struct near *n, size_t index)
{
    struct hf_explanation e;
    get(n, index);
    return hf_cache_explain(n->cache, NULL, n->data->keys[index], &e, NULL) == HF_OK &&
           e.tier == HF_TIER_NEAR;
}

/* Values are kept once the server has been asked to tell of changes, and has told of ours. */
static void keep(struct near *n, size_t count)
{
    const struct timespec pause = { 0, 1000000 };
    for (size_t i = 0; i < count; i++) {
        for (int ms = 0; !is_near(n, i); ms++) {
            if (ms == WAIT_MAX_MS) die("the near cache keeps nothing");
            if (ms > 2) nanosleep(&pause, NULL);
        }
    }
}

/* ---- Time ---------------------------------------------------------------------- */

static void hit(void *ctx)
{
    struct near *n = ctx;
    for (int i = 0; i < STEP_ROUND; i++) {
        get(n, n->next);
        n->next = (n->next + 97) % HOT_KEYS;
    }
}

double near_hit_ns(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)load;
    (void)driver;
    struct near n;
    near_open(&n, lab, ROOM_FOR_ALL);
    keep(&n, HOT_KEYS);
    const uint64_t before = stats_of(&n).cache_near_misses;
    const double   ns = ns_per_step(lab->slice, hit, &n);
    if (stats_of(&n).cache_near_misses > before + HOT_KEYS) die("the near cache forgets");
    near_close(&n);
    return ns;
}

struct hitter {
    _Alignas(128) struct near n; /* Written to at each step, so it shares no line. */
    hf_duration slice;
    double      ns;
};

static void *hit_beside(void *ctx)
{
    struct hitter *h = ctx;
    h->ns = ns_per_step(h->slice, hit, &h->n);
    return NULL;
}

double near_hit_2t_ns(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)load;
    (void)driver;
    struct near   n;
    struct hitter hitters[2];
    pthread_t     threads[2];
    near_open(&n, lab, ROOM_FOR_ALL);
    keep(&n, HOT_KEYS);
    for (size_t i = 0; i < 2; i++) {
        hitters[i] = (struct hitter){ .n = n, .slice = lab->slice };
        hitters[i].n.next = i * HOT_KEYS / 2;
        if (pthread_create(&threads[i], NULL, hit_beside, &hitters[i])) die("no thread");
    }
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    near_close(&n);
    return (hitters[0].ns + hitters[1].ns) / 2;
}

/* ---- Memory -------------------------------------------------------------------- */

static double resident_bytes(void)
{
    unsigned long pages = 0;
    malloc_trim(0);
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%*u %lu", &pages) != 1) die("/proc/self/statm: unreadable");
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double overhead(void *ctx)
{
    struct lab  *lab = ctx;
    struct near  n;
    double       payload = 0;
    const size_t few = HOT_KEYS;
    near_open(&n, lab, ROOM_FOR_ALL);
    keep(&n, few);
    const size_t count = lab->tiny ? 2 * few : n.data->count;
    const double before = resident_bytes();
    for (size_t i = few; i < count; i++) {
        get(&n, i);
        payload += (double)(n.data->keys[i].size + n.data->value.size);
    }
    const double bytes = resident_bytes() - before - payload;
    near_close(&n);
    return bytes / (double)(count - few);
}

double near_overhead_bytes(struct lab *lab, const struct load *load,
                           const struct driver *driver)
{
    (void)driver;
    lab_dataset(lab, load->value_size);
    return child_figure(overhead, lab);
}

/* ---- What is kept -------------------------------------------------------------- */

/* Keys after the law of Zipf; from time to time a scan reads a tenth of all in order. */
struct trace {
    size_t   keys;
    double  *sums;
    uint64_t state;
    size_t   scanned;
    size_t   index;
};

enum { SCAN_EVERY = 20000, SCAN = 5000 };

static void trace_open(struct trace *t, size_t keys)
{
    double sum = 0;
    *t = (struct trace){ .keys = keys, .sums = calloc(keys, sizeof(double)), .state = 42 };
    if (!t->sums) die("out of memory");
    for (size_t i = 0; i < keys; i++) t->sums[i] = sum += pow((double)i + 1, -0.99);
}

static size_t trace_next(struct trace *t)
{
    if (t->index++ % SCAN_EVERY < SCAN) return t->scanned++ % t->keys;
    t->state = t->state * 6364136223846793005u + 1442695040888963407u;
    const double u = (double)(t->state >> 11) / 9007199254740992.0 * t->sums[t->keys - 1];
    size_t       low = 0, high = t->keys - 1;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (t->sums[middle] < u) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static size_t zipf_requests(const struct lab *lab)
{
    return lab->tiny ? 20000 : 400000;
}

/* Hits of the near cache, and how many entries it held. */
static double near_share(struct lab *lab, size_t *held)
{
    struct near  n;
    struct trace t;
    const size_t requests = zipf_requests(lab);
    const size_t an_entry = 64 + 64 + 32 + 12; /* Header, value, key, its share of tables. */
    near_open(&n, lab, lab_dataset(lab, SMALL_VALUE)->count / 10 * an_entry);
    keep(&n, 1);
    trace_open(&t, n.data->count);
    const uint64_t before = stats_of(&n).cache_near_hits;
    for (size_t i = 0; i < requests; i++) get(&n, trace_next(&t));
    const double share = (double)(stats_of(&n).cache_near_hits - before) / (double)requests;
    *held = (size_t)stats_of(&n).cache_near_entries;
    free(t.sums);
    near_close(&n);
    return share;
}

/* A key is held while at most `room` different ones were asked for since it was last. */
static double lru_share(const struct lab *lab, size_t keys, size_t room)
{
    struct trace t;
    const size_t requests = zipf_requests(lab);
    size_t      *asked = calloc(keys, sizeof *asked);         /* When last; 0: never. */
    size_t      *whose = calloc(requests + 1, sizeof *whose); /* Asked for then. */
    size_t       hits = 0, oldest = 1, held = 0;
    if (!asked || !whose) die("out of memory");
    trace_open(&t, keys);
    for (size_t i = 1; i <= requests; i++) {
        const size_t key = trace_next(&t);
        if (asked[key] >= oldest) hits++;
        if (asked[key] < oldest) held++;
        asked[key] = i;
        whose[i] = key;
        for (bool is_last; held > room || asked[whose[oldest]] != oldest; oldest++) {
            is_last = asked[whose[oldest]] == oldest;
            if (is_last) held--;
        }
    }
    free(asked);
    free(whose);
    free(t.sums);
    return (double)hits / (double)requests;
}

double near_hit_ratio(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)load;
    (void)driver;
    size_t       held;
    const double ours = near_share(lab, &held);
    return ours / lru_share(lab, lab_dataset(lab, SMALL_VALUE)->count, held);
}
