/* log.h - what the library has to say while it works.
 *
 * A record is one event: a level, the part of the library that speaks, and a sentence.
 * Without a callback, records of level WARN and above go to standard error as logfmt:
 *
 *     time=2026-05-04T10:11:12.345Z level=warn part=endpoint msg="redis://10.0.0.7:6379/0:
 * refused"
 *
 * Threads:  the callback is called from many threads at once, never under a lock. It may
 *           call back into the library, except to close the client it came from.
 * Errors:   none; a record that cannot be written is dropped. Secrets are never in it. */

#ifndef HOLDFAST_LOG_H
#define HOLDFAST_LOG_H

#include <holdfast/api.h>

HF_BEGIN_DECLS

enum hf_log_level {
    HF_LOG_DEBUG,
    HF_LOG_INFO,
    HF_LOG_WARN,
    HF_LOG_ERROR,
    HF_LOG_SILENT, /* As a threshold: nothing at all. */
};

struct hf_log_record {
    enum hf_log_level level;
    const char       *part; /* Constant, such as "breaker". */
    const char       *text; /* One line; valid only during the callback. */
};

typedef void (*hf_log_fn)(const struct hf_log_record *record, void *ctx);

/* "debug", "info", "warn", "error", "silent". Never NULL. */
HF_API const char *hf_log_level_name(enum hf_log_level level);

HF_END_DECLS

#endif
