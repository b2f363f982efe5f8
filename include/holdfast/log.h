/* log.h - what the library has to say while it works.
 *
 * A record is one event of a table: its name, a sentence, and the same as fields. Without a
 * callback, records of level WARN and above go to standard error, one line each, in logfmt:
 *
 *     time=2026-05-04T10:11:12.345Z level=warn part=breaker event=breaker_opened
 *     msg="closed -> open: 5 failures in a row" endpoint=redis://10.0.0.7:6379/0 from=closed
 *     to=open reason="5 failures in a row"
 *
 * or, with the option log_format "json", as an object with the same names. Where standard
 * error is the journal of systemd (JOURNAL_STREAM says so), "auto" sends them there natively,
 * each field as HOLDFAST_NAME=.
 *
 * Of one kind of event at most HF_LOG_BURST records are written in each HF_LOG_WINDOW_S
 * seconds; the next one says how many were held back, hf_stats counts them (logs_dropped).
 *
 * Threads:  the callback is called from many threads at once, never under a lock. It may
 *           call back into the library, except to close what it came from; but some records
 *           come from the thread that connects, so a call that would have to wait for a
 *           connection fails at once there, and a slow callback delays reconnecting.
 * Fork:     a child says nothing of its parent's clients.
 * Cancel:   disabled in the callback.
 * Memory:   a record and all in it live as long as the callback runs.
 * Errors:   none; a record that cannot be written is dropped. Secrets, keys and values are
 *           never in it; what a server or a user sent may be, so text can hold any byte. */

#ifndef HOLDFAST_LOG_H
#define HOLDFAST_LOG_H

#include <holdfast/api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

HF_BEGIN_DECLS

enum hf_log_level {
    HF_LOG_DEBUG,
    HF_LOG_INFO,
    HF_LOG_WARN,
    HF_LOG_ERROR,
    HF_LOG_SILENT, /* As a threshold: nothing at all. */
};

/* clang-format off */

/* All that happens. Names and fields stay as they are; new ones come. Besides its own fields
 * each has `endpoint`. Durations are in milliseconds, `error` is a word such as "timeout".
 *
 *    id, name, level, part
 *      fields
 *      help */
#define HF_EVENT_MAP(X)                                                                      \
    X(CONNECTED,           "connected", INFO, "endpoint",                                    \
      "protocol",                                                                            \
      "The first connection is up")                                                          \
    X(CONNECT_FAILED,      "connect_failed", WARN, "endpoint",                               \
      "error, reason, attempts",                                                             \
      "No connection could be made, or now for another reason")                              \
    X(CONNECTION_LOST,     "connection_lost", INFO, "endpoint",                              \
      "reason",                                                                              \
      "A connection broke")                                                                  \
    X(RECONNECTED,         "reconnected", INFO, "endpoint",                                  \
      "protocol, attempts, down_ms",                                                         \
      "A lost connection is replaced")                                                       \
    X(HEALTH_CHECK_FAILED, "health_check_failed", WARN, "endpoint",                          \
      "error, took_ms",                                                                      \
      "The server did not answer PING, or not well")                                         \
    X(HEALTH_UP,           "health_up", INFO, "health",                                      \
      "from, reason",                                                                        \
      "All works")                                                                           \
    X(HEALTH_DEGRADED,     "health_degraded", WARN, "health",                                \
      "from, reason",                                                                        \
      "Not everything works")                                                                \
    X(HEALTH_DOWN,         "health_down", WARN, "health",                                    \
      "from, reason",                                                                        \
      "Nothing works")                                                                       \
    X(BREAKER_OPENED,      "breaker_opened", WARN, "breaker",                                \
      "from, to, reason",                                                                    \
      "Calls fail at once from now on")                                                      \
    X(BREAKER_HALF_OPENED, "breaker_half_opened", INFO, "breaker",                           \
      "from, to, reason",                                                                    \
      "A few calls are let through")                                                         \
    X(BREAKER_CLOSED,      "breaker_closed", INFO, "breaker",                                \
      "from, to, reason",                                                                    \
      "Calls pass")                                                                          \
    X(BREAKER_FORCED,      "breaker_forced", WARN, "breaker",                                \
      "from, to, reason",                                                                    \
      "Somebody forced it open or closed")                                                   \
    X(TLS_CONNECTED,       "tls_connected", DEBUG, "tls",                                    \
      "host, version, resumed",                                                              \
      "A handshake succeeded")                                                               \
    X(TLS_UNVERIFIED,      "tls_unverified", WARN, "tls",                                    \
      "host",                                                                                \
      "The option tls_verify is off")                                                        \
    X(TLS_KEY_READABLE,    "tls_key_readable", WARN, "tls",                                  \
      "file",                                                                                \
      "Others than the owner may read the key file")                                         \
    X(TLS_FILES_REFUSED,   "tls_files_refused", ERROR, "tls",                                \
      "reason",                                                                              \
      "Changed files cannot be used; the old ones stay in use")                              \
    X(NEAR_CACHE_ON,       "near_cache_on", INFO, "cache",                                   \
      "",                                                                                    \
      "The server tells of changes: near values are believed")                               \
    X(NEAR_CACHE_LOST,     "near_cache_lost", INFO, "cache",                                 \
      "reason",                                                                              \
      "It does not any more: near values are not believed")                                  \
    X(NEAR_CACHE_OFF,      "near_cache_off", WARN, "cache",                                  \
      "error, reason",                                                                       \
      "The server refuses to tell of changes")                                               \
    X(STALE_SERVED,        "stale_served", WARN, "cache",                                    \
      "age_ms",                                                                              \
      "A value that may be out of date was given for want of a better one")                  \
    X(DELETE_QUEUED,       "delete_queued", WARN, "cache",                                   \
      "error, pending",                                                                      \
      "A delete failed and will be made up for; until then its key misses")                  \
    X(DELETES_DONE,        "deletes_done", INFO, "cache",                                    \
      "",                                                                                    \
      "All failed deletes are made up for")                                                  \
    X(CACHE_VOIDED,        "cache_voided", WARN, "cache",                                    \
      "",                                                                                    \
      "Too many deletes failed: the whole cache is cleared instead")                         \
    X(DELETES_LOST,        "deletes_lost", WARN, "cache",                                    \
      "pending",                                                                             \
      "The cache was closed before its failed deletes were made up for")                     \
    X(TASKS_EVICTABLE,     "tasks_evictable", WARN, "tasks",                                 \
      "",                                                                                    \
      "The server may drop tasks: set maxmemory-policy noeviction")                          \
    X(TASKS_DEGRADED,      "tasks_degraded", WARN, "tasks",                                  \
      "error, reason",                                                                       \
      "The upkeep of tasks fails: leases that ran out stay, old tasks too")                  \
    X(TASKS_RECOVERED,     "tasks_recovered", INFO, "tasks",                                 \
      "",                                                                                    \
      "The upkeep of tasks works again")

/* clang-format on */

enum hf_event {
#define X(id, name, level, part, fields, help) HF_EVENT_##id,
    HF_EVENT_MAP(X)
#undef X
        HF_EVENT_COUNT
};

struct hf_log_field {
    const char *name;   /* Constant, of lower case letters, digits and _. */
    const char *text;   /* NULL: it is a number. */
    int64_t     number; /* 0 where it is a text. */
};

struct hf_log_record {
    enum hf_log_level          level;
    enum hf_event              event;
    const char                *part; /* Constant, such as "breaker". */
    const char                *text; /* A sentence. */
    const struct hf_log_field *fields;
    size_t                     field_count;
    int64_t                    unix_ms;   /* When. */
    uint64_t                   held_back; /* Of this event, since the last one written. */
    bool                       is_cut;    /* The text was longer than it may be. */
};

typedef void (*hf_log_fn)(const struct hf_log_record *record, void *ctx);

/* "debug", "info", "warn", "error", "silent". Never NULL. */
HF_API const char *hf_log_level_name(enum hf_log_level level);

/* "breaker_opened". Never NULL. */
HF_API const char *hf_event_name(enum hf_event event);

enum hf_log_format {
    HF_LOG_AUTO, /* To the journal natively where standard error is the journal; LOGFMT. */
    HF_LOG_LOGFMT,
    HF_LOG_JSON,
};

enum {
    HF_LOG_BURST = 20,
    HF_LOG_WINDOW_S = 10,
    HF_LOG_VALUE_MAX = 512, /* Bytes of a text; what is longer is cut. */
    HF_LOG_LINE_MAX = 4096, /* With the newline; fields that do not fit are left out. */
};

/* For a callback that writes elsewhere: the record as the library writes it, one line of
 * printable text without a newline at its end, NUL-terminated; returns its length. Bytes that
 * are not UTF-8 become U+FFFD, control characters are escaped. A line that lacks something,
 * because a text was cut or a field did not fit, ends with cut=true. */
HF_API size_t hf_log_line(const struct hf_log_record *record, enum hf_log_format format,
                          char line[HF_LOG_LINE_MAX]);

HF_END_DECLS

#endif
