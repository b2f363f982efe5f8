/* stats_json.h - what is known of a client, as JSON.
 *
 * Numbers of seconds are in members named *_seconds; how long ago, in *seconds_ago. No member
 * is ever left out: null where nothing is known.
 *
 * Threads:  any, as far as the client may be used.
 * Errors:   NULL when out of memory. */

#ifndef HF_EXPORT_STATS_JSON_H
#define HF_EXPORT_STATS_JSON_H

#include "export/exporter.h"

#include <holdfast/health.h>
#include <jansson.h>

/* The container with the value, which is taken over; NULL when out of memory, and the
 * container released: nothing is ever left out. Of NULL, NULL. */
json_t *hf_export_put(json_t *object, const char *name, json_t *value);
json_t *hf_export_append(json_t *array, json_t *value);

json_t *hf_export_health_json(struct hf_client *client);

/* {"name": ..., "health": {...}, "stats": {...}, "latency": {...}, ...}; the caller's. */
json_t *hf_export_client_json(struct hf_collector *collector, const struct hf_shown *shown,
                              hf_instant now);

#endif
