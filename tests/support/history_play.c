#include "support/history_play.h"

#include "core/rng.h"
#include "support/history.h"
#include "support/scenario.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

enum {
    THREADS = 8,
    PLAIN_KEYS = 16, /* Of the server's, by number from 0; then those of the cache. */
    CACHE_KEYS = 16, /* The even ones have a tag. */
    TAGS = 2,
    HEX = 16, /* Digits in front of each value. */
    FILLER_MAX = 300,
    LARGE_FILLER = 80 * 1024, /* Takes a connection of its own. */
    LARGE_ONE_IN = 40,
};

static const hf_duration bound = { SCENARIO_TIMEOUT_MS * INT64_C(1000000) };

struct play {
    struct scenario  scenario; /* First, so that the crowd finds the rest. */
    struct history  *history;
    unsigned         turns;
    _Atomic uint64_t last_value;
    atomic_uint      finished;
    atomic_long      acknowledged, unknown, storms;
    struct hf_rng    rngs[THREADS];
};

/* ---- Values that tell what they are -------------------------------------------- */

static size_t filler_of(uint64_t value)
{
    return value % LARGE_ONE_IN == 0 ? LARGE_FILLER : value % FILLER_MAX;
}

static struct hf_bytes write_value(uint64_t value, char *room)
{
    const size_t filler = filler_of(value);
    snprintf(room, HEX + 1, "%016llx", (unsigned long long)value);
    for (size_t i = 0; i < filler; i++) room[HEX + i] = (char)(value * 31 + i * (i >> 7) + i);
    return hf_bytes(room, HEX + filler);
}

/* 0 never stands for a value; UINT64_MAX for one that is damaged. */
static uint64_t read_value(struct hf_bytes bytes)
{
    static _Thread_local char expected[HEX + LARGE_FILLER];
    char                      hex[HEX + 1] = "";
    unsigned long long        value;
    if (bytes.size < HEX) return UINT64_MAX;
    memcpy(hex, bytes.data, HEX);
    if (sscanf(hex, "%16llx", &value) != 1) return UINT64_MAX;
    const struct hf_bytes whole = write_value(value, expected);
    const bool            same = whole.size == bytes.size &&
                      memcmp(whole.data, bytes.data, whole.size) == 0;
    return same ? value : UINT64_MAX;
}

/* ---- Deeds --------------------------------------------------------------------- */

static enum deed_outcome outcome_of(hf_err err)
{
    if (err == HF_OK || err == HF_MISS) return DEED_ACKNOWLEDGED;
    return hf_err_outcome_unknown(err) ? DEED_UNKNOWN : DEED_NOT_APPLIED;
}

static struct deed begin(enum deed_kind kind, unsigned key)
{
    return (struct deed){
        .kind = kind, .key = key, .is_cached = key >= PLAIN_KEYS, .began = hf_now()
    };
}

static void end(struct play *p, struct deed *deed, hf_err err)
{
    deed->ended = hf_now();
    (void)scenario_saw(&p->scenario, deed->began, bound, err);
    deed->outcome = outcome_of(err);
    deed->err = err;
    if (deed->kind != DEED_READ || deed->outcome == DEED_ACKNOWLEDGED) {
        history_note(p->history, deed);
    }
}

static void name(unsigned key, char text[32])
{
    snprintf(text, 32, "key:%u", key);
}

/* ---- The server's keys --------------------------------------------------------- */

static void read_plain(struct play *p, unsigned key, bool expects_large)
{
    char                 text[32];
    struct hf_reply     *reply = NULL;
    struct hf_bytes      bytes;
    const struct hf_call call = { .expect_large = expects_large };
    name(key, text);
    struct deed  deed = begin(DEED_READ, key);
    const hf_err err = client_ask(p->scenario.client, &call, &reply, "GET", text, NULL);
    if (!err && hf_reply_bytes(reply, &bytes) == HF_OK) deed.value = read_value(bytes);
    end(p, &deed, err);
    hf_reply_free(reply);
}

static void write_plain(struct play *p, unsigned key)
{
    static _Thread_local char room[HEX + LARGE_FILLER];
    char                      text[32];
    struct hf_reply          *reply = NULL;
    name(key, text);
    struct deed deed = begin(DEED_WRITE, key);
    deed.value = atomic_fetch_add(&p->last_value, 1) + 1;
    const struct hf_bytes argv[] = { hf_str("SET"), hf_str(text),
                                     write_value(deed.value, room) };
    const hf_err err = hf_client_command(p->scenario.client, NULL, argv, 3, &reply, NULL);
    end(p, &deed, err);
    if (!err) hf_reply_free(reply);
}

static void erase_plain(struct play *p, unsigned key)
{
    char text[32];
    name(key, text);
    struct deed deed = begin(DEED_ERASE, key);
    end(p, &deed, client_do(p->scenario.client, "DEL", text, NULL));
}

static void count(struct play *p)
{
    const hf_instant from = hf_now();
    const hf_err     err = client_do(p->scenario.client, "INCR", "counter", NULL);
    (void)scenario_saw(&p->scenario, from, bound, err);
    if (!err) atomic_fetch_add(&p->acknowledged, 1);
    if (hf_err_outcome_unknown(err)) atomic_fetch_add(&p->unknown, 1);
}

/* ---- The cache's keys ---------------------------------------------------------- */

static void end_cache_read(struct play *p, struct deed *deed, hf_err err,
                           struct hf_value *value)
{
    if (err == HF_OK) {
        deed->value = read_value(hf_value_data(value));
        deed->is_stale = hf_value_is_stale(value);
    }
    end(p, deed, err);
    if (err == HF_OK) hf_value_release(value);
}

static void read_cached(struct play *p, unsigned key)
{
    char             text[32];
    struct hf_value *value = NULL;
    name(key, text);
    struct deed deed = begin(DEED_READ, key);
    deed.call = "get";
    const hf_err err = hf_cache_get(p->scenario.cache, NULL, hf_str(text), &value, NULL);
    end_cache_read(p, &deed, err, value);
}

static const char *const tag_names[TAGS] = { "red", "blue" };

/* The number of the key's tag; TAGS for a key without. */
static unsigned tag_of(unsigned key)
{
    return key % 2 ? TAGS : key / 2 % TAGS;
}

static void write_cached(struct play *p, unsigned key)
{
    static _Thread_local char room[HEX + LARGE_FILLER];
    char                      text[32];
    const unsigned            tag = tag_of(key);
    const struct hf_bytes     tags = hf_str(tag < TAGS ? tag_names[tag] : "");
    const struct hf_set       how = { .ttl = hf_seconds(600),
                                      .tags = &tags,
                                      .tag_count = tag < TAGS };
    name(key, text);
    struct deed deed = begin(DEED_WRITE, key);
    deed.value = atomic_fetch_add(&p->last_value, 1) + 1;
    end(p, &deed,
        hf_cache_set(p->scenario.cache, NULL, hf_str(text), write_value(deed.value, room),
                     &how, NULL));
}

/* However it ends, nothing with the tag is to be read any more. */
static void invalidate(struct play *p, unsigned tag)
{
    struct deed  deed = begin(DEED_ERASE, PLAIN_KEYS);
    const hf_err err = hf_cache_invalidate_tag(p->scenario.cache, NULL,
                                               hf_str(tag_names[tag]), NULL);
    (void)scenario_saw(&p->scenario, deed.began, bound, err);
    deed.ended = hf_now();
    deed.outcome = DEED_ACKNOWLEDGED;
    deed.call = "invalidation of its tag";
    deed.err = err;
    for (deed.key = PLAIN_KEYS; deed.key < PLAIN_KEYS + CACHE_KEYS; deed.key++) {
        if (tag_of(deed.key) == tag) history_note(p->history, &deed);
    }
}

/* However it ends, the value is not to be read any more: a delete is a promise. */
static void erase_cached(struct play *p, unsigned key)
{
    char text[32];
    name(key, text);
    struct deed  deed = begin(DEED_ERASE, key);
    const hf_err err = hf_cache_delete(p->scenario.cache, NULL, hf_str(text), NULL);
    (void)scenario_saw(&p->scenario, deed.began, bound, err);
    deed.ended = hf_now();
    deed.outcome = DEED_ACKNOWLEDGED;
    deed.call = "delete";
    deed.err = err;
    history_note(p->history, &deed);
}

struct source {
    struct play *play;
    unsigned     key;
};

static hf_err compute(struct hf_bytes text, struct hf_loaded *loaded, void *ctx)
{
    static _Thread_local char room[HEX + LARGE_FILLER];
    const struct source      *source = ctx;
    (void)text;
    struct deed deed = begin(DEED_LOAD, source->key);
    deed.value = atomic_fetch_add(&source->play->last_value, 1) + 1;
    deed.ended = hf_never();
    history_note(source->play->history, &deed);
    return hf_loaded_set(loaded, write_value(deed.value, room));
}

static void load_cached(struct play *p, unsigned key)
{
    char                  text[32];
    struct source         source = { p, key };
    struct hf_value      *value = NULL;
    const unsigned        tag = tag_of(key);
    const struct hf_bytes tags = hf_str(tag < TAGS ? tag_names[tag] : "");
    const struct hf_load  how = { .tags = &tags, .tag_count = tag < TAGS };
    name(key, text);
    struct deed deed = begin(DEED_READ, key);
    deed.call = "load";
    const hf_err err = hf_cache_load(p->scenario.cache, NULL, hf_str(text), &how, compute,
                                     &source, &value, NULL);
    end_cache_read(p, &deed, err, value);
}

/* ---- The play ------------------------------------------------------------------ */

static void act(struct scenario *s, unsigned thread, uint64_t turn)
{
    struct play   *p = (struct play *)s;
    struct hf_rng *rng = &p->rngs[thread];
    if (turn >= p->turns) {
        if (turn == p->turns) atomic_fetch_add(&p->finished, 1);
        return;
    }
    const unsigned plain = (unsigned)hf_rng_below(rng, PLAIN_KEYS);
    const unsigned cached = PLAIN_KEYS + (unsigned)hf_rng_below(rng, CACHE_KEYS);
    switch (hf_rng_below(rng, 16)) {
    case 0:
    case 1:
    case 2: read_plain(p, plain, false); break;
    case 3: read_plain(p, plain, true); break;
    case 4:
    case 5: write_plain(p, plain); break;
    case 6: erase_plain(p, plain); break;
    case 7: count(p); break;
    case 8:
    case 9:
    case 10: read_cached(p, cached); break;
    case 11:
    case 12: write_cached(p, cached); break;
    case 13:
        if (hf_rng_below(rng, 2)) {
            erase_cached(p, cached);
        } else {
            invalidate(p, (unsigned)hf_rng_below(rng, TAGS));
        }
        break;
    default: load_cached(p, cached);
    }
}

static void note_storm(const struct fault *fault, void *ctx)
{
    if (fault) atomic_fetch_add((atomic_long *)ctx, 1);
}

static bool all_have_finished(struct play *p)
{
    return atomic_load(&p->finished) == THREADS;
}

/* Kills or hangs the server now and then, until the threads are through. */
static long hurt_the_server(struct play *p, struct hf_rng *rng)
{
    long outages = 0;
    while (!all_have_finished(p)) {
        scenario_play(hf_ms((uint32_t)hf_rng_below(rng, 600)));
        const hf_duration length = hf_ms((uint32_t)hf_rng_below(rng, 300));
        const bool        kills = hf_rng_below(rng, 2);
        kills ? redis_server_kill(p->scenario.server)
                     : redis_server_pause(p->scenario.server);
        scenario_play(length);
        if (kills)
            redis_server_restart(p->scenario.server);
        else
            redis_server_resume(p->scenario.server);
        outages++;
    }
    return outages;
}

struct tally {
    struct scenario *scenario;
    long             counted;
};

static bool is_read(void *ctx)
{
    struct tally *tally = ctx;
    char          text[32] = "0";
    const hf_err  err = scenario_get(tally->scenario, "counter", text, sizeof text);
    return err <= HF_MISS && sscanf(text, "%ld", &tally->counted) == 1;
}

static long final_count(struct scenario *s)
{
    struct tally tally = { s, 0 };
    assert_true(wait_until(is_read, &tally, hf_seconds(10)));
    return tally.counted;
}

static void open_play(struct play *p, const struct history_plan *plan)
{
    static const char *const durable[] = { "--appendonly", "yes", "--appendfsync", "always",
                                           NULL };
    const struct scenario_setup setup = {
        .server = { .args = durable },
        .proxy = true,
        .cache = { .near_bytes = plan->near ? HF_CACHE_NEAR_BYTES_MIN : 0 },
    };
    scenario_open(&p->scenario, &setup);
    p->history = history_open();
    p->turns = plan->operations / THREADS;
    for (unsigned i = 0; i < THREADS; i++) p->rngs[i].state = plan->seed * 1000003 + i;
}

void history_play(const struct history_plan *plan, struct history_report *report)
{
    const unsigned lies = 1u << FAULT_CORRUPT | 1u << FAULT_DUPLICATE | 1u << FAULT_INJECT;
    struct hf_rng  rng = { plan->seed };
    struct play    p = { 0 };
    open_play(&p, plan);
    scenario_start(&p.scenario, THREADS, act);
    fault_proxy_play(p.scenario.proxy, &(struct fault_play){
                                           .seed = plan->seed,
                                           .kinds = ((1u << FAULT_KINDS) - 1) & ~lies,
                                           .calm_max = hf_ms(300),
                                           .storm_max = hf_ms(200),
                                           .tell = note_storm,
                                           .ctx = &p.storms,
                                       });
    const long outages = hurt_the_server(&p, &rng);
    fault_proxy_clear(p.scenario.proxy);
    scenario_expect_recovery(&p.scenario, hf_now());
    scenario_stop(&p.scenario);
    for (unsigned key = 0; key < PLAIN_KEYS; key++) read_plain(&p, key, false);

    *report = (struct history_report){
        .deeds = history_size(p.history),
        .wrong = history_check(p.history),
        .acknowledged = p.acknowledged,
        .unknown = p.unknown,
        .counted = final_count(&p.scenario),
        .storms = p.storms,
        .outages = outages,
    };
    history_close(p.history);
    scenario_close(&p.scenario);
}

bool history_holds(const struct history_report *r)
{
    return r->wrong == 0 && r->acknowledged <= r->counted &&
           r->counted <= r->acknowledged + r->unknown;
}
