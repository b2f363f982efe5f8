/* server_error.h - what an error reply of the server means.
 *
 * The first word of the text decides, and for the vague "ERR" also its beginning. Unknown
 * ones are HF_E_REPLY: the server refused this command, and is well.
 *
 * Threads:  any.
 * Cost:     a search of a short table; on failures only. */

#ifndef HF_NET_SERVER_ERROR_H
#define HF_NET_SERVER_ERROR_H

#include <holdfast/bytes.h>
#include <holdfast/error.h>

/* text is the reply's without "-", such as "LOADING Redis is loading the dataset". Never
 * HF_OK or HF_MISS. */
hf_err hf_server_error(struct hf_bytes text);

#endif
