/* log.h - one logger per client: what is worth a record, and where records go.
 *
 *     const struct hf_log_field fields[] = { hf_log_text("reason", why),
 *                                            hf_log_number("attempts", count) };
 *     hf_log(logger, HF_EVENT_CONNECT_FAILED, fields, 2, "cannot connect: %s", why);
 *
 * Level and part come from the table of events; the endpoint is added to the fields.
 *
 * Threads:  after init hf_log may be called from everywhere, not under a lock: it may call
 *           the user.
 * Memory:   caller-allocated, no cleanup; a record lives on the stack.
 * Cost:     below the threshold one comparison.
 * Errors:   a child of the process that opened it writes nothing. */

#ifndef HF_CORE_LOG_H
#define HF_CORE_LOG_H

#include <holdfast/log.h>
#include <holdfast/time.h>
#include <stdatomic.h>
#include <sys/types.h>

enum { HF_LOG_ENDPOINT_MAX = 320, HF_LOG_FIELDS_MAX = 8 };

#define HF_JOURNAL_SOCKET "/run/systemd/journal/socket"

/* What the user wants. */
struct hf_log_opts {
    enum hf_log_level  threshold;
    enum hf_log_format format;
    hf_log_fn          write; /* NULL: the journal or standard error. */
    void              *ctx;
};

/* WARN and above to standard error. */
#define HF_LOG_OPTS_DEFAULT ((struct hf_log_opts){ .threshold = HF_LOG_WARN })

/* How many of one event were written lately. */
struct hf_log_quota {
    _Atomic int64_t  window;
    _Atomic uint32_t taken;
    _Atomic uint64_t held_back; /* Since one was written. */
};

struct hf_logger {
    struct hf_log_opts  opts;
    const char         *journal; /* Socket of the journal, or NULL: not there. */
    char                endpoint[HF_LOG_ENDPOINT_MAX];
    pid_t               pid;
    _Atomic uint64_t    dropped;
    struct hf_log_quota quotas[HF_EVENT_COUNT];
};

/* Looks at JOURNAL_STREAM. endpoint: as it may be shown. */
void hf_logger_init(struct hf_logger *logger, const struct hf_log_opts *opts,
                    const char *endpoint);

void hf_log(struct hf_logger *logger, enum hf_event event, const struct hf_log_field *fields,
            size_t count, const char *format, ...) HF_PRINTF(5, 6);

/* Whether one more may be written now; *held_back: how many were not since the last. */
bool hf_log_quota_take(struct hf_log_quota *quota, hf_instant now, uint64_t *held_back);

static inline struct hf_log_field hf_log_text(const char *name, const char *text)
{
    return (struct hf_log_field){ name, text, 0 };
}

static inline struct hf_log_field hf_log_number(const char *name, int64_t number)
{
    return (struct hf_log_field){ name, NULL, number };
}

#endif
