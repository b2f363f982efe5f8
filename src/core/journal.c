#include "core/journal.h"

#include "core/little_endian.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    DATAGRAM_MAX = 8192,
    NAME_MAX_SIZE = 64, /* As journald allows. */
};

bool hf_journal_is_stream(const char *journal_stream, int fd)
{
    struct stat status;
    char       *end;
    if (!journal_stream || fstat(fd, &status)) return false;
    const uintmax_t device = strtoumax(journal_stream, &end, 10);
    if (end == journal_stream || *end != ':') return false;
    const char     *second = end + 1;
    const uintmax_t inode = strtoumax(second, &end, 10);
    if (end == second || *end != '\0') return false;
    return status.st_dev == (dev_t)device && status.st_ino == (ino_t)inode;
}

struct datagram {
    size_t size;
    char   bytes[DATAGRAM_MAX];
};

/* What does not fit is left out, whole. */
static void append(struct datagram *d, const char *name, const char *value)
{
    const size_t name_size = strlen(name), size = strlen(value);
    if (name_size + size + 10 > sizeof d->bytes - d->size) return;

    char *at = d->bytes + d->size;
    memcpy(at, name, name_size);
    at += name_size;
    if (memchr(value, '\n', size)) {
        *at++ = '\n';
        hf_put_u64((unsigned char *)at, size);
        at += 8;
    } else {
        *at++ = '=';
    }
    memcpy(at, value, size);
    at += size;
    *at++ = '\n';
    d->size = (size_t)(at - d->bytes);
}

static void append_number(struct datagram *d, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    append(d, name, text);
}

static void append_field(struct datagram *d, const struct hf_log_field *field)
{
    char name[NAME_MAX_SIZE];
    snprintf(name, sizeof name, "HOLDFAST_%s", field->name);
    for (char *c = name; *c; c++) {
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
    }
    if (field->text) {
        append(d, name, field->text);
    } else {
        append_number(d, name, field->number);
    }
}

/* As syslog has them. */
static int priority(enum hf_log_level level)
{
    switch (level) {
    case HF_LOG_DEBUG: return 7;
    case HF_LOG_INFO: return 6;
    case HF_LOG_WARN: return 4;
    default: return 3;
    }
}

bool hf_journal_write(const char *path, const struct hf_log_record *record)
{
    struct datagram d = { .size = 0 };
    append(&d, "MESSAGE", record->text);
    append_number(&d, "PRIORITY", priority(record->level));
    append(&d, "HOLDFAST_EVENT", hf_event_name(record->event));
    append(&d, "HOLDFAST_PART", record->part);
    for (size_t i = 0; i < record->field_count; i++) append_field(&d, &record->fields[i]);
    if (record->held_back)
        append_number(&d, "HOLDFAST_HELD_BACK", (int64_t)record->held_back);
    if (record->is_cut) append(&d, "HOLDFAST_CUT", "true");

    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof address.sun_path) return false;
    memcpy(address.sun_path, path, strlen(path));
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    const ssize_t sent = sendto(fd, d.bytes, d.size, MSG_NOSIGNAL,
                                (const struct sockaddr *)&address, sizeof address);
    close(fd);
    return sent == (ssize_t)d.size;
}
