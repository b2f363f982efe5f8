/* stats.h - what a client and its caches have done so far, as numbers.
 *
 *     struct hf_stats stats;
 *     hf_stats_get(client, &stats);
 *     printf("%" PRIu64 " hits, %" PRIu64 " misses\n", stats.cache_hits, stats.cache_misses);
 *
 * One table gives the struct, the names that exporters use and their help texts; a program
 * that wants all of them walks it:
 *
 *     const struct hf_stat_info *row;
 *     for (size_t i = 0; (row = hf_stat_at(i)); i++) show(row->name, hf_stat_value(&stats,
 * i));
 *
 * Slow calls, those that took 100 ms or half of their time, whichever is less, are kept with
 * what made them slow, the last HF_SLOW_CALLS of them.
 *
 * Threads:  any. The numbers are read one after the other while others count on, so sums of
 *           several may be off by what happened meanwhile.
 * Memory:   fixed per client, whatever it does.
 * Cost:     counting is a few nanoseconds, reading some microseconds. */

#ifndef HOLDFAST_STATS_H
#define HOLDFAST_STATS_H

#include <holdfast/api.h>
#include <holdfast/error.h>
#include <holdfast/time.h>
#include <stddef.h>
#include <stdint.h>

HF_BEGIN_DECLS

struct hf_client;

/* clang-format off */

/* A COUNTER only grows; a GAUGE is what holds now. Errors are calls by their category, and
 * those of operations of caches by theirs, which add up to cache_errors.
 *
 *    id                   field                kind     help */
#define HF_STATS_CLIENT_MAP(X)                                                               \
    X(CALLS,               calls,               COUNTER, "Calls that ended")                 \
    X(CALLS_OK,            calls_ok,            COUNTER, "Calls that the server answered")   \
    X(CALLS_IN_FLIGHT,     calls_in_flight,     GAUGE,   "Calls under way")                  \
    X(ERRORS_USAGE,        errors_usage,        COUNTER, "The caller's mistake")             \
    X(ERRORS_LOCAL,        errors_local,        COUNTER, "Memory, fork, close")              \
    X(ERRORS_REJECTED,     errors_rejected,     COUNTER, "Breaker open, overload")           \
    X(ERRORS_CONNECTION,   errors_connection,   COUNTER, "No connection was to be had")      \
    X(ERRORS_LOST,         errors_lost,         COUNTER, "Connection broke after sending")   \
    X(ERRORS_TIMEOUT,      errors_timeout,      COUNTER, "No answer in time")                \
    X(ERRORS_PROTOCOL,     errors_protocol,     COUNTER, "The answer made no sense")         \
    X(ERRORS_LOADING,      errors_loading,      COUNTER, "Server not ready to serve")        \
    X(ERRORS_BUSY,         errors_busy,         COUNTER, "Server asked to come again")       \
    X(ERRORS_DEGRADED,     errors_degraded,     COUNTER, "Degraded server refused a write")  \
    X(ERRORS_MEMORY,       errors_memory,       COUNTER, "Full server refused a write")      \
    X(ERRORS_TOPOLOGY,     errors_topology,     COUNTER, "Wrong node was asked")             \
    X(ERRORS_AUTH,         errors_auth,         COUNTER, "Credentials or permissions")       \
    X(ERRORS_REPLY,        errors_reply,        COUNTER, "Server refused the command")       \
    X(RETRIES,             retries,             COUNTER, "Attempts after the first")         \
    X(DEADLINE_OVERRUNS,   deadline_overruns,   COUNTER, "Calls 20 ms past deadline")        \
    X(LATE_REPLIES,        late_replies,        COUNTER, "Replies to callers that had gone") \
    X(BYTES_SENT,          bytes_sent,          COUNTER, "Bytes written to servers")         \
    X(BYTES_RECEIVED,      bytes_received,      COUNTER, "Bytes read from servers")          \
    X(CONNECTS,            connects,            COUNTER, "Connections made")                 \
    X(CONNECT_FAILURES,    connect_failures,    COUNTER, "Attempts to connect that failed")  \
    X(RECONNECTS,          reconnects,          COUNTER, "Lost connections replaced")        \
    X(CONNECTIONS_OPEN,    connections_open,    GAUGE,   "Connections that are up")          \
    X(HEALTH_CHECKS,       health_checks,       COUNTER, "Background health checks")         \
    X(HEALTH_FAILURES,     health_failures,     COUNTER, "Health checks that failed")        \
    X(BREAKER_OPENED,      breaker_opened,      COUNTER, "Times a breaker opened")           \
    X(BREAKER_HALF_OPENED, breaker_half_opened, COUNTER, "Times a breaker began to probe")   \
    X(BREAKER_CLOSED,      breaker_closed,      COUNTER, "Times a breaker closed")           \
    X(LOGS_DROPPED,        logs_dropped,        COUNTER, "Log records that were not written")

#define HF_STATS_CACHE_MAP(X)                                                                \
    X(CACHE_HITS,          cache_hits,          COUNTER, "Reads answered with a value")      \
    X(CACHE_MISSES,        cache_misses,        COUNTER, "Reads without a usable value")     \
    X(CACHE_EXPIRED,       cache_expired,       COUNTER, "Misses for an expired value")      \
    X(CACHE_STALE,         cache_stale,         COUNTER, "Hits past their expiry")           \
    X(CACHE_FOREIGN,       cache_foreign,       COUNTER, "Misses for a value not ours")      \
    X(CACHE_CORRUPT,       cache_corrupt,       COUNTER, "Misses for a damaged value")       \
    X(CACHE_TORN,          cache_torn,          COUNTER, "Large values without a chunk")     \
    X(CACHE_UNSEALED,      cache_unsealed,      COUNTER, "Misses for a value not encrypted") \
    X(CACHE_NO_KEY,        cache_no_key,        COUNTER, "Misses for want of a value's key") \
    X(CACHE_FORGED,        cache_forged,        COUNTER, "Misses for a forged value")        \
    X(CACHE_COMPRESSED,    cache_compressed,    COUNTER, "Values made smaller")              \
    X(CACHE_INCOMPRESSIBLE, cache_incompressible, COUNTER, "Values that stayed as large")    \
    X(CACHE_COMPRESS_IN,   cache_compress_in,   COUNTER, "Bytes of values before that")      \
    X(CACHE_COMPRESS_OUT,  cache_compress_out,  COUNTER, "Bytes of values after it")         \
    X(CACHE_DISTRUSTED,    cache_distrusted,    COUNTER, "Misses while a delete is due")     \
    X(CACHE_TAG_INVALID,   cache_tag_invalid,   COUNTER, "Misses for an invalidated tag")    \
    X(CACHE_TAG_CHECKS,    cache_tag_checks,    COUNTER, "Round trips for tags' versions")   \
    X(CACHE_TAG_INVALIDATIONS, cache_tag_invalidations, COUNTER, "Tags invalidated")         \
    X(CACHE_ERRORS,        cache_errors,        COUNTER, "Operations that failed")           \
    X(CACHE_ERRORS_USAGE, cache_errors_usage, COUNTER, "The caller's mistake")               \
    X(CACHE_ERRORS_LOCAL, cache_errors_local, COUNTER, "Memory, fork, close")                \
    X(CACHE_ERRORS_REJECTED, cache_errors_rejected, COUNTER, "Breaker open, overload")       \
    X(CACHE_ERRORS_CONNECTION, cache_errors_connection, COUNTER, "No connection to be had")  \
    X(CACHE_ERRORS_LOST, cache_errors_lost, COUNTER, "Broke after sending")                  \
    X(CACHE_ERRORS_TIMEOUT, cache_errors_timeout, COUNTER, "No answer in time")              \
    X(CACHE_ERRORS_PROTOCOL, cache_errors_protocol, COUNTER, "The answer made no sense")     \
    X(CACHE_ERRORS_LOADING, cache_errors_loading, COUNTER, "Server not ready")               \
    X(CACHE_ERRORS_BUSY, cache_errors_busy, COUNTER, "Server asked to come again")           \
    X(CACHE_ERRORS_DEGRADED, cache_errors_degraded, COUNTER, "Degraded server refused")      \
    X(CACHE_ERRORS_MEMORY, cache_errors_memory, COUNTER, "Full server refused")              \
    X(CACHE_ERRORS_TOPOLOGY, cache_errors_topology, COUNTER, "Wrong node was asked")         \
    X(CACHE_ERRORS_AUTH, cache_errors_auth, COUNTER, "Credentials, permissions")             \
    X(CACHE_ERRORS_REPLY, cache_errors_reply, COUNTER, "Server refused it")                  \
    X(CACHE_SETS,          cache_sets,          COUNTER, "Values stored")                    \
    X(CACHE_SETS_REFUSED,  cache_sets_refused,  COUNTER, "Not stored by their condition")    \
    X(CACHE_DELETES,       cache_deletes,       COUNTER, "Entries deleted")                  \
    X(CACHE_DELETES_LATE,  cache_deletes_late,  COUNTER, "Deletes to be made up for")        \
    X(CACHE_DELETES_PENDING, cache_deletes_pending, GAUGE, "Deletes yet to be made up for")  \
    X(CACHE_BYTES_READ,    cache_bytes_read,    COUNTER, "Bytes of values read")             \
    X(CACHE_BYTES_WRITTEN, cache_bytes_written, COUNTER, "Bytes of values stored")           \
    X(CACHE_LOADS,         cache_loads,         COUNTER, "Values computed by a loader")      \
    X(CACHE_LOADS_FAILED,  cache_loads_failed,  COUNTER, "Loaders that failed")              \
    X(CACHE_LOADS_SHARED,  cache_loads_shared,  COUNTER, "Callers given another's load")     \
    X(CACHE_LOADS_VOID,    cache_loads_void,    COUNTER, "Loads outdated when they ended")   \
    X(CACHE_LOADS_REFUSED, cache_loads_refused, COUNTER, "Loads that found no room")         \
    X(CACHE_REFRESHES,     cache_refreshes,     COUNTER, "Loads in the background")          \
    X(CACHE_NEAR_HITS,     cache_near_hits,     COUNTER, "Hits of a near cache")             \
    X(CACHE_NEAR_MISSES,   cache_near_misses,   COUNTER, "Reads it left to Redis")           \
    X(CACHE_NEAR_STALE,    cache_near_stale,    COUNTER, "Its stale values for a failure")   \
    X(CACHE_NEAR_ENTRIES,  cache_near_entries,  GAUGE,   "Values in near caches")            \
    X(CACHE_NEAR_BYTES,    cache_near_bytes,    GAUGE,   "Memory of near caches")            \
    X(CACHE_NEAR_EVICTIONS, cache_near_evictions, COUNTER, "Left a near cache for room")     \
    X(CACHE_NEAR_CHANGES,  cache_near_changes,  COUNTER, "Changes that Redis told of")

/* What was done through this process; hf_tasks_stats() tells of all. */
#define HF_STATS_TASKS_MAP(X)                                                                \
    X(TASKS_CREATED,       tasks_created,       COUNTER, "Tasks made")                       \
    X(TASKS_CLAIMED,       tasks_claimed,       COUNTER, "Tasks taken to be worked on")      \
    X(TASKS_COMPLETED,     tasks_completed,     COUNTER, "Tasks told to be done")            \
    X(TASKS_FAILED,        tasks_failed,        COUNTER, "Attempts told to have failed")     \
    X(TASKS_RELEASED,      tasks_released,      COUNTER, "Tasks given back")                 \
    X(TASKS_TOO_LATE,      tasks_too_late,      COUNTER, "Reports after a lost lease")

#define HF_STATS_MAP(X) HF_STATS_CLIENT_MAP(X) HF_STATS_CACHE_MAP(X) HF_STATS_TASKS_MAP(X)

/* Operations whose duration is measured.
 *
 *    id            name            help */
#define HF_LATENCY_MAP(X)                                                                    \
    X(CALL,         "call",         "One call with its retries; refused ones are left out")  \
    X(CACHE_GET,    "cache_get",    "One read of a cache")                                   \
    X(CACHE_SET,    "cache_set",    "One write to a cache")                                  \
    X(COMPRESS,     "compress",     "Making one value smaller, or seeing that it is not")    \
    X(DECOMPRESS,   "decompress",   "Making one value whole again")                          \
    X(CACHE_DELETE, "cache_delete", "One delete from a cache")                               \
    X(CACHE_MANY,   "cache_many",   "One call for many keys")                                \
    X(CACHE_LOAD,   "cache_load",   "One get-or-load, the loader included")

/* clang-format on */

enum hf_stat_kind {
    HF_STAT_COUNTER,
    HF_STAT_GAUGE,
};

struct hf_stats {
#define X(id, field, kind, help) uint64_t field;
    HF_STATS_MAP(X)
#undef X
};

enum hf_latency_of {
#define X(id, name, help) HF_LATENCY_##id,
    HF_LATENCY_MAP(X)
#undef X
        HF_LATENCY_COUNT
};

/* Durations of one kind of operation. Quantiles are never below the true value and at most
 * 3.2 % above it; from 137 s on they are all one. All zero while count is. */
struct hf_latency {
    uint64_t    count;
    hf_duration sum;
    hf_duration p50;
    hf_duration p90;
    hf_duration p99;
    hf_duration p999;
    hf_duration max; /* Exact. */
};

enum { HF_LATENCY_BUCKETS = 20 };

/* Durations of one kind of operation by fixed bounds: how many took at most so long. One that
 * is up to 3.2 % below a bound may be counted under the next. */
struct hf_latency_buckets {
    uint64_t    up_to[HF_LATENCY_BUCKETS]; /* Cumulative; the last is of all. */
    hf_duration sum;
};

HF_API void hf_stats_get(const struct hf_client *client, struct hf_stats *stats);

HF_API void hf_stats_latency(const struct hf_client *client, enum hf_latency_of what,
                             struct hf_latency *latency);

HF_API void hf_stats_buckets(const struct hf_client *client, enum hf_latency_of what,
                             struct hf_latency_buckets *buckets);

/* 10 us, 20 us, 50 us, 100 us, ... 10 s; from the last bucket on the longest duration. */
HF_API hf_duration hf_latency_bound(size_t bucket);

enum { HF_SLOW_CALLS = 32, HF_SLOW_COMMAND_MAX = 23, HF_SLOW_REASON_MAX = 127 };

struct hf_slow_call {
    hf_instant  ended;
    hf_duration took;
    hf_duration timeout;
    uint32_t    attempts;                         /* 0: none reached the server. */
    hf_err      error;                            /* HF_OK when it was answered. */
    char        command[HF_SLOW_COMMAND_MAX + 1]; /* "GET", "batch"; never an argument. */
    char        reason[HF_SLOW_REASON_MAX + 1];   /* For people. */
};

/* The newest first, at most max; how many there are. None in a forked child. */
HF_API size_t hf_stats_slow_calls(const struct hf_client *client, struct hf_slow_call *calls,
                                  size_t max);

/* Statistics, latencies with their buckets, and slow calls as one JSON object; likewise to
 * hf_health_json(), see health.h. 64 KiB are enough. */
HF_API HF_NODISCARD hf_err hf_stats_json(const struct hf_client *client, char *to,
                                         size_t size, size_t *length);

/* "cache_get", ... Never NULL. */
HF_API const char *hf_latency_name(enum hf_latency_of what);

struct hf_stat_info {
    const char       *name; /* The field's, "cache_hits". */
    enum hf_stat_kind kind;
    const char       *help; /* One sentence without a full stop. */
};

/* Row number index in table order; NULL past the end. */
HF_API const struct hf_stat_info *hf_stat_at(size_t index);

/* What that row holds; 0 past the end. */
HF_API uint64_t hf_stat_value(const struct hf_stats *stats, size_t index);

HF_END_DECLS

#endif
