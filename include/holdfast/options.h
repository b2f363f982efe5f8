/* options.h - everything that can be set, by name, from code, a URL or the environment.
 *
 *     struct hf_options *options;
 *     err = hf_options_open(&options);
 *     err = hf_options_set(options, "url", "redis://cache.internal:6379/0", &error);
 *     err = hf_options_set(options, "socket_timeout", "0.25", &error);
 *     err = hf_options_from_environment(options, &error);
 *
 * Every option is one row of one table (src/core/options.c): name, environment variable,
 * kind, range, default and help. `holdfast help options` prints it, docs/guide/options.md
 * explains it. Later settings win; no option is read from the environment unless
 * hf_options_from_environment() is called. A URL may carry options that are numbers or
 * switches: redis://cache.internal/0?socket_timeout=0.25&max_connections=50
 *
 * Threads:  none; set up in one thread. A client copies what it needs when it is opened.
 * Memory:   opaque; hf_options_close(NULL) is fine. Passwords are wiped when freed.
 * Errors:   a detail names the option, the value and the range, never a password. */

#ifndef HOLDFAST_OPTIONS_H
#define HOLDFAST_OPTIONS_H

#include <holdfast/alloc.h>
#include <holdfast/api.h>
#include <holdfast/error.h>
#include <holdfast/log.h>
#include <holdfast/time.h>
#include <holdfast/trace.h>

HF_BEGIN_DECLS

struct hf_options;

/* All defaults: redis://127.0.0.1:6379/0, pool of 20, 5 s per call. HF_E_NOMEM. */
HF_API HF_NODISCARD hf_err hf_options_open(struct hf_options **options);

HF_API void hf_options_close(struct hf_options *options);

/* Sets one option from text. Durations are seconds ("0.25") or carry a unit ("250ms");
 * sizes are bytes or carry one ("64kb"). HF_E_INVALID for an unknown name or an unreadable
 * value, HF_E_RANGE; the option then keeps what it had. */
HF_API HF_NODISCARD hf_err hf_options_set(struct hf_options *options, const char *name,
                                          const char *value, struct hf_error *error);

/* Takes every REDIS_... variable of the table that is set and not empty. Stops at the
 * first bad one, naming the variable. */
HF_API HF_NODISCARD hf_err hf_options_from_environment(struct hf_options *options,
                                                       struct hf_error   *error);

/* NULL means malloc. The struct is copied, its ctx must outlive the client. */
HF_API void hf_options_set_allocator(struct hf_options         *options,
                                     const struct hf_allocator *allocator);

/* write NULL means standard error, or the journal; see log.h. */
HF_API void hf_options_set_log(struct hf_options *options, enum hf_log_level threshold,
                               hf_log_fn write, void *ctx);

/* Functions for the start and the end of each operation, see trace.h; each may be NULL. */
HF_API void hf_options_set_trace(struct hf_options *options, hf_span_fn start, hf_span_fn end,
                                 void *ctx);

/* Reads "0.25", "250ms" or "1.5h" as the options do. HF_E_INVALID, HF_E_RANGE. */
HF_API HF_NODISCARD hf_err hf_duration_parse(const char *text, hf_duration *duration);

/* One row of the table, for help texts and tools. */
struct hf_option_info {
    const char *name;          /* "socket_timeout" */
    const char *env;           /* "REDIS_SOCKET_TIMEOUT" */
    const char *flag;          /* "--socket-timeout", of the command line tool; or NULL. */
    const char *kind;          /* "duration", "size", "count", "switch", "text", "url", ... */
    const char *range;         /* "0.001 to 3600 s", for people. */
    const char *default_value; /* As text. */
    const char *help;          /* One sentence. */
    bool        in_url;        /* May be given as a parameter of the URL. */
};

/* Row number index in table order; NULL past the end. */
HF_API const struct hf_option_info *hf_option_at(size_t index);

HF_END_DECLS

#endif
