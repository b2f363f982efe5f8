/* ours.h - the calls that the measurements of holdfast itself share.
 *
 * Threads:  opening in the main thread, calls from any. */

#ifndef BENCH_OURS_H
#define BENCH_OURS_H

#include "lab.h"

#include <holdfast/holdfast.h>
#include <stdbool.h>

/* A client with default options but for one, which may be NULL, connected; or dies. */
struct hf_client *ours_open(const struct address *address, const char *option,
                            const char *value);

/* True when the reply is a value of this size and ends in the same byte. */
bool ours_get(struct hf_client *client, const struct hf_call *call, struct hf_bytes key,
              struct hf_bytes expected);

/* The same test for a reply. */
bool ours_is_value(const struct hf_reply *reply, struct hf_bytes expected);

/* A cache with default options that holds the dataset, or dies. */
struct hf_cache *ours_open_cache(struct hf_client *client, const struct dataset *data);

/* The same with options. */
struct hf_cache *ours_open_cache_with(struct hf_client *client, const struct dataset *data,
                                      const struct hf_cache_options *how);

/* The same test for a cached value, which is released. */
bool ours_is_cached(struct hf_value *value, struct hf_bytes expected);

#endif
