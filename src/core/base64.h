/* base64.h - bytes from base64 as RFC 4648 has it: padded, without white space.
 *
 * Threads:  any; pure.
 * Errors:   HF_E_INVALID for anything that no encoder would write, so that two different
 *           texts never give the same bytes. */

#ifndef HF_CORE_BASE64_H
#define HF_CORE_BASE64_H

#include <holdfast/bytes.h>
#include <holdfast/error.h>

/* bytes has room for text.size / 4 * 3, of which *size are written; it may be text.data. */
HF_NODISCARD hf_err hf_base64_decode(struct hf_bytes text, unsigned char *bytes,
                                     size_t *size);

#endif
