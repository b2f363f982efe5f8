/* journal.h - records to the journal of systemd, in its native protocol.
 *
 *     MESSAGE=closed -> open: 5 failures in a row
 *     PRIORITY=4
 *     HOLDFAST_EVENT=breaker_opened
 *     HOLDFAST_ENDPOINT=redis://10.0.0.7:6379/0
 *
 * Threads:  any; nothing is kept between records.
 * Cost:     three system calls. It never waits: a full journal loses the record.
 * Errors:   false, when the record did not get there. */

#ifndef HF_CORE_JOURNAL_H
#define HF_CORE_JOURNAL_H

#include <holdfast/log.h>

/* Whether the descriptor is what the environment variable JOURNAL_STREAM, "device:inode",
 * says the journal reads. NULL: it is not. */
bool hf_journal_is_stream(const char *journal_stream, int fd);

/* As one datagram to the socket of that path. */
bool hf_journal_write(const char *path, const struct hf_log_record *record);

#endif
