/* server_error.h - what an error reply of the server means.
 *
 *     "LOADING Redis is loading the dataset in memory"      HF_E_LOADING
 *     "ERR max number of clients reached"                   HF_E_MAX_CLIENTS
 *     "OOM command not allowed ... script: 9f3.., on ..."   HF_E_OOM_SCRIPT
 *     "BUSYKEY Target key name already exists."             HF_E_REPLY
 *
 * The first word decides, and for the vague "ERR" how the text goes on. What is not in the
 * table means that the server refused this one command and is well.
 *
 * One thing the text cannot tell: a script may catch an OOM and return it as its result,
 * which looks as if the command itself had been refused. Who sends a script takes HF_E_OOM
 * for HF_E_OOM_SCRIPT.
 *
 * Threads:  any.
 * Cost:     a walk through a short table, on failures only. */

#ifndef HF_NET_SERVER_ERROR_H
#define HF_NET_SERVER_ERROR_H

#include <holdfast/bytes.h>
#include <holdfast/error.h>

/* text is that of an error reply, without its "-". Never HF_OK and never HF_MISS. */
hf_err hf_server_error(struct hf_bytes text);

#endif
