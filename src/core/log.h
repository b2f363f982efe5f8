/* log.h - one logger per client: a threshold, and where records go.
 *
 * Threads:  read-only after init, hf_log may be called from everywhere, not under a lock.
 * Memory:   caller-allocated, no cleanup; a record is formatted on the stack and cut at
 *           HF_LOG_TEXT_MAX bytes. Control characters become '?', so a record is one line.
 * Cost:     below the threshold one comparison. */

#ifndef HF_CORE_LOG_H
#define HF_CORE_LOG_H

#include <holdfast/log.h>

enum { HF_LOG_TEXT_MAX = 512 };

struct hf_logger {
    enum hf_log_level threshold;
    hf_log_fn         write; /* NULL: standard error, in logfmt. */
    void             *ctx;
};

/* WARN and above to standard error. */
#define HF_LOGGER_DEFAULT ((struct hf_logger){ .threshold = HF_LOG_WARN })

void hf_log(const struct hf_logger *logger, enum hf_log_level level, const char *part,
            const char *format, ...) HF_PRINTF(4, 5);

#endif
