#include "core/log.h"

#include "core/assert.h"
#include "core/cancel.h"
#include "core/journal.h"
#include "core/log_stream.h"
#include "core/wall_clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char       *name;
    enum hf_log_level level;
    const char       *part;
} events[] = {
#define X(id, name, level, part, fields, help) { name, HF_LOG_##level, part },
    HF_EVENT_MAP(X)
#undef X
};

const char *hf_log_level_name(enum hf_log_level level)
{
    switch (level) {
    case HF_LOG_DEBUG: return "debug";
    case HF_LOG_INFO: return "info";
    case HF_LOG_WARN: return "warn";
    case HF_LOG_ERROR: return "error";
    case HF_LOG_SILENT: return "silent";
    }
    return "unknown";
}

const char *hf_event_name(enum hf_event event)
{
    return (unsigned)event < HF_EVENT_COUNT ? events[event].name : "unknown";
}

void hf_logger_init(struct hf_logger *logger, const struct hf_log_opts *opts,
                    const char *endpoint)
{
    *logger = (struct hf_logger){ .opts = *opts, .pid = getpid() };
    snprintf(logger->endpoint, sizeof logger->endpoint, "%s", endpoint);
    if (opts->format == HF_LOG_AUTO &&
        hf_journal_is_stream(getenv("JOURNAL_STREAM"), STDERR_FILENO)) {
        logger->journal = HF_JOURNAL_SOCKET;
    }
}

bool hf_log_quota_take(struct hf_log_quota *quota, hf_instant now, uint64_t *held_back)
{
    const int64_t window = now.ns / hf_seconds(HF_LOG_WINDOW_S).ns;
    int64_t       seen = atomic_load(&quota->window);
    if (window > seen && atomic_compare_exchange_strong(&quota->window, &seen, window)) {
        atomic_store(&quota->taken, 0);
    }
    if (atomic_load(&quota->taken) >= HF_LOG_BURST ||
        atomic_fetch_add(&quota->taken, 1) >= HF_LOG_BURST) {
        atomic_fetch_add(&quota->held_back, 1);
        return false;
    }
    *held_back = atomic_exchange(&quota->held_back, 0);
    return true;
}

static bool write_to_stderr(const struct hf_log_record *record, enum hf_log_format format)
{
    char   line[HF_LOG_LINE_MAX + 1];
    size_t size = hf_log_line(record, format, line);
    line[size++] = '\n';
    return hf_log_stream_write(STDERR_FILENO, line, size);
}

static bool deliver(const struct hf_logger *logger, const struct hf_log_record *record)
{
    if (logger->opts.write) {
        logger->opts.write(record, logger->opts.ctx);
        return true;
    }
    return (logger->journal && hf_journal_write(logger->journal, record)) ||
           write_to_stderr(record, logger->opts.format);
}

/* How much of a text can stay when it is cut at size: no part of a character. */
static size_t whole_characters(const char *text, size_t size)
{
    size_t at = size;
    while (at > 0 && size - at < 4 && ((unsigned char)text[at] & 0xc0) == 0x80) at--;
    return ((unsigned char)text[at] & 0xc0) == 0x80 ? size : at;
}

void hf_log(struct hf_logger *logger, enum hf_event event, const struct hf_log_field *fields,
            size_t count, const char *format, ...)
{
    hf_assert(event < HF_EVENT_COUNT && count < HF_LOG_FIELDS_MAX);
    struct hf_log_record record = { .level = events[event].level,
                                    .event = event,
                                    .part = events[event].part };
    if (record.level < logger->opts.threshold) return;
    if (!hf_log_quota_take(&logger->quotas[event], hf_now(), &record.held_back)) {
        atomic_fetch_add(&logger->dropped, 1);
        return;
    }
    if (logger->pid != getpid())
        return; /* Last: it is a system call, and stale values many. */

    char    text[HF_LOG_VALUE_MAX + 1];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    record.is_cut = length > HF_LOG_VALUE_MAX;
    if (record.is_cut) text[whole_characters(text, HF_LOG_VALUE_MAX - 1)] = '\0';

    struct hf_log_field all[HF_LOG_FIELDS_MAX] = { hf_log_text("endpoint",
                                                               logger->endpoint) };
    if (count) memcpy(all + 1, fields, count * sizeof *fields);
    record.text = text;
    record.fields = all;
    record.field_count = count + 1;
    record.unix_ms = hf_unix_ms();

    const int cancels = hf_cancel_defer();
    if (!deliver(logger, &record)) atomic_fetch_add(&logger->dropped, 1);
    hf_cancel_restore(cancels);
}
