/* prometheus.h - what is known of clients, in the text format of Prometheus 0.0.4.
 *
 * What the collector has not heard from Redis lately is left out. Names begin with holdfast_,
 * durations are in seconds, counters end in _total. Labels are the client's name, and names
 * out of fixed tables: as many series as there are rows, for each client.
 *
 * Threads:  any, as far as the clients may be used.
 * Errors:   NULL when out of memory. */

#ifndef HF_EXPORT_PROMETHEUS_H
#define HF_EXPORT_PROMETHEUS_H

#include "export/exporter.h"

/* To be freed by free(). */
char *hf_prometheus_text(struct hf_collector *collector, const struct hf_shown *shown,
                         size_t count);

#endif
