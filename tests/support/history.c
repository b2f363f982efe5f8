#include "support/history.h"

#include "support/die.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { PRINTED_MAX = 5 };

struct history {
    pthread_mutex_t mutex;
    struct deed    *deeds;
    size_t          count, capacity;
};

struct history *history_open(void)
{
    struct history *history = calloc(1, sizeof *history);
    if (!history) die("history: out of memory");
    pthread_mutex_init(&history->mutex, NULL);
    return history;
}

void history_close(struct history *history)
{
    if (!history) return;
    pthread_mutex_destroy(&history->mutex);
    free(history->deeds);
    free(history);
}

void history_note(struct history *history, const struct deed *deed)
{
    pthread_mutex_lock(&history->mutex);
    if (history->count == history->capacity) {
        history->capacity = history->capacity ? 2 * history->capacity : 1024;
        history->deeds = realloc(history->deeds, history->capacity * sizeof *history->deeds);
        if (!history->deeds) die("history: out of memory");
    }
    history->deeds[history->count++] = *deed;
    pthread_mutex_unlock(&history->mutex);
}

size_t history_size(struct history *history)
{
    pthread_mutex_lock(&history->mutex);
    const size_t count = history->count;
    pthread_mutex_unlock(&history->mutex);
    return count;
}

/* ---- Checking one key ---------------------------------------------------------- */

/* The deeds on one key, in the order of their ends. */
struct life {
    const struct deed *deeds;
    size_t             count;
};

/* The latest beginning of what was acknowledged before a moment, and of erasures alone;
 * INT64_MIN for none. What ended before that beginning is overruled. */
struct horizon {
    int64_t any, erased;
};

static struct horizon horizon_at(const struct life *life, hf_instant moment)
{
    struct horizon h = { INT64_MIN, INT64_MIN };
    for (size_t i = 0; i < life->count && hf_before(life->deeds[i].ended, moment); i++) {
        const struct deed *d = &life->deeds[i];
        if (d->kind != DEED_WRITE && d->kind != DEED_ERASE) continue;
        if (d->outcome != DEED_ACKNOWLEDGED) continue;
        if (d->began.ns > h.any) h.any = d->began.ns;
        if (d->kind == DEED_ERASE && d->began.ns > h.erased) h.erased = d->began.ns;
    }
    return h;
}

static const struct deed *find_origin(const struct life *life, uint64_t value)
{
    for (size_t i = 0; i < life->count; i++) {
        const struct deed *d = &life->deeds[i];
        if ((d->kind == DEED_WRITE || d->kind == DEED_LOAD) && d->value == value) return d;
    }
    return NULL;
}

static bool can_be_absent(const struct life *life, const struct deed *read, int64_t horizon)
{
    if (read->is_cached || horizon == INT64_MIN) return true;
    for (size_t i = 0; i < life->count; i++) {
        const struct deed *d = &life->deeds[i];
        if (d->kind != DEED_ERASE || d->outcome == DEED_NOT_APPLIED) continue;
        if (hf_before(d->began, read->ended) && d->ended.ns >= horizon) return true;
    }
    return false;
}

/* Why this read cannot have been, or NULL. */
static const char *what_is_wrong(const struct life *life, const struct deed *read)
{
    const struct horizon horizon = horizon_at(life, read->began);
    if (read->value == 0) {
        if (can_be_absent(life, read, horizon.any)) return NULL;
        return "absent, but an acknowledged write was never erased";
    }
    const struct deed *origin = find_origin(life, read->value);
    if (!origin) return "a value that was never written to this key";
    if (hf_before(read->ended, origin->began)) return "a value not yet written";
    if (origin->outcome == DEED_NOT_APPLIED) return "a write that was told not to be applied";
    if (read->is_stale) return NULL;
    if (origin->kind == DEED_LOAD) {
        return origin->began.ns < horizon.erased ? "loaded before the key was erased" : NULL;
    }
    return origin->ended.ns < horizon.any ? "older than what was acknowledged" : NULL;
}

static double ms_from(hf_instant zero, hf_instant moment)
{
    return (double)(moment.ns - zero.ns) / 1e6;
}

static void print_deed(const char *what, const struct deed *d, hf_instant zero)
{
    static const char *const kinds[] = { "read", "write", "erase", "load" };
    static const char *const outcomes[] = { "acknowledged", "outcome unknown",
                                            "not applied" };
    fprintf(stderr, "  %-9s %-5s value %llx, %.3f to %.3f ms, %s%s%s%s%s\n", what,
            kinds[d->kind], (unsigned long long)d->value, ms_from(zero, d->began),
            ms_from(zero, d->ended), outcomes[d->outcome], d->call ? "; " : "",
            d->call ? d->call : "", d->err ? ": " : "", d->err ? hf_err_name(d->err) : "");
}

/* The read, and what speaks against it: all that wrote in the time around it, and who else
 * read the same. */
static void print_story(const struct life *life, const struct deed *read, const char *why)
{
    const struct deed *origin = find_origin(life, read->value);
    const hf_instant   zero = origin ? origin->began : life->deeds[0].began;
    fprintf(stderr, "key %u, read %llx: %s\n", read->key, (unsigned long long)read->value,
            why);
    print_deed("this", read, zero);
    if (origin) print_deed("origin", origin, zero);
    for (size_t i = 0; i < life->count; i++) {
        const struct deed *d = &life->deeds[i];
        const bool         is_other_read = d->kind == DEED_READ && d->value != read->value;
        if (is_other_read || d == read || d == origin || hf_before(d->ended, zero)) continue;
        if (d->kind == DEED_LOAD && hf_before(d->began, zero)) continue;
        if (hf_before(d->began, read->ended)) print_deed("meanwhile", d, zero);
    }
}

static size_t check_life(const struct life *life, size_t already)
{
    size_t wrong = 0;
    for (size_t i = 0; i < life->count; i++) {
        const struct deed *read = &life->deeds[i];
        if (read->kind != DEED_READ || read->outcome != DEED_ACKNOWLEDGED) continue;
        const char *why = what_is_wrong(life, read);
        if (!why) continue;
        if (already + wrong++ < PRINTED_MAX) print_story(life, read, why);
    }
    return wrong;
}

/* ---- All of them --------------------------------------------------------------- */

static int by_key_and_end(const void *a, const void *b)
{
    const struct deed *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->ended.ns > y->ended.ns) - (x->ended.ns < y->ended.ns);
}

size_t history_check(struct history *history)
{
    size_t wrong = 0;
    if (history->count == 0) return 0;
    qsort(history->deeds, history->count, sizeof *history->deeds, by_key_and_end);
    for (size_t first = 0, next; first < history->count; first = next) {
        const unsigned key = history->deeds[first].key;
        for (next = first; next < history->count && history->deeds[next].key == key;) next++;
        const struct life life = { &history->deeds[first], next - first };
        wrong += check_life(&life, wrong);
    }
    return wrong;
}
