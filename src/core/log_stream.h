/* log_stream.h - a line to a stream that may be gone, or full and read by nobody.
 *
 *     if (!hf_log_stream_write(STDERR_FILENO, line, size)) the line is lost
 *
 * Threads:  any; a line of at most PIPE_BUF bytes stays in one piece.
 * Cost:     six system calls.
 * Errors:   false, when it was not written. It raises no SIGPIPE, and does not wait for who
 *           reads; only where another writer fills a pipe in the very moment it may. */

#ifndef HF_CORE_LOG_STREAM_H
#define HF_CORE_LOG_STREAM_H

#include <stdbool.h>
#include <stddef.h>

bool hf_log_stream_write(int fd, const char *line, size_t size);

#endif
