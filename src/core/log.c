#include "core/log.h"
#include "core/cancel.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* A logfmt value in quotes needs its quotes and backslashes escaped. */
static void quote(char *out, size_t size, const char *text)
{
    size_t at = 0;
    for (; *text != '\0' && at + 3 < size; text++) {
        if (*text == '"' || *text == '\\') out[at++] = '\\';
        out[at++] = *text;
    }
    out[at] = '\0';
}

static void write_to_stderr(const struct hf_log_record *record)
{
    char quoted[2 * HF_LOG_TEXT_MAX];
    quote(quoted, sizeof quoted, record->text);

    struct timespec t;
    struct tm       utc;
    char            stamp[32] = "";
    clock_gettime(CLOCK_REALTIME, &t);
    if (gmtime_r(&t.tv_sec, &utc)) strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);

    char      line[sizeof quoted + 128];
    const int length = snprintf(
        line, sizeof line, "time=%s.%03ldZ level=%s part=%s msg=\"%s\"\n", stamp,
        t.tv_nsec / 1000000, hf_log_level_name(record->level), record->part, quoted);
    /* One write keeps lines of several threads apart; a full or closed standard error is
     * nobody's problem but the log's. */
    if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0) return;
}

static void blank_control_characters(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) *text = '?';
    }
}

void hf_log(const struct hf_logger *logger, enum hf_log_level level, const char *part,
            const char *format, ...)
{
    if (level < logger->threshold) return;

    char    text[HF_LOG_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    blank_control_characters(text);

    const struct hf_log_record record = { level, part, text };
    const int                  cancels = hf_cancel_defer();
    if (logger->write) {
        logger->write(&record, logger->ctx);
    } else {
        write_to_stderr(&record);
    }
    hf_cancel_restore(cancels);
}
