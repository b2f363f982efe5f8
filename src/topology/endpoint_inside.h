/* endpoint_inside.h - what the two files of endpoint share.
 *
 *     endpoint.c       the callers' side: routes, leases, fences
 *     endpoint_tend.c  the maintenance thread's side: dialling, publishing, checks, reaping
 */

#ifndef HF_TOPOLOGY_ENDPOINT_INSIDE_H
#define HF_TOPOLOGY_ENDPOINT_INSIDE_H

#include "topology/endpoint.h"

/* Waiting callers look again. */
void hf_endpoint_announce(struct hf_endpoint *e);

/* Nothing of the connection with this greeting may reach the server any more: says so on the
 * shared connection now, or else on the next one first of all. */
void hf_endpoint_fence(struct hf_endpoint *e, const struct hf_greeting *greeting);

/* Queues what hf_endpoint_fence() has remembered on a new connection. */
void hf_endpoint_send_fences(struct hf_endpoint *e, struct hf_link *link);

#endif
