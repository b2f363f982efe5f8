/* warm_line.h - one line of a file to warm from, which is an entry as JSON.
 *
 *     {"key": "greeting", "value_base64": "aGVsbG8=", "ttl": "10m"}
 *
 * The members are those of <holdfast/warm.h>; any other is refused, as is one twice.
 *
 * Threads:  none; the owner serialises.
 * Memory:   an entry points into what was parsed, until the next one or deinit.
 * Errors:   HF_E_INVALID for what is no entry, HF_E_RANGE for a ttl out of range, HF_E_NOMEM.
 */

#ifndef HF_CACHE_WARM_LINE_H
#define HF_CACHE_WARM_LINE_H

#include "core/buffer.h"

#include <holdfast/warm.h>

struct json_t;

struct hf_warm_line {
    struct json_t   *json;
    struct hf_buffer decoded; /* Base64. */
};

void hf_warm_line_init(struct hf_warm_line *l, const struct hf_allocator *a);
void hf_warm_line_deinit(struct hf_warm_line *l);

/* Of at most HF_WARM_LINE_MAX bytes, without the end of the line. What the line does not say
 * stays in *entry as it was. */
HF_NODISCARD hf_err hf_warm_line_parse(struct hf_warm_line *l, struct hf_bytes line,
                                       struct hf_warm_entry *entry, struct hf_error *error);

#endif
