/* redis_info.h - numbers out of INFO, by one table of what is worth showing.
 *
 * Threads:  none. */

#ifndef HF_EXPORT_REDIS_INFO_H
#define HF_EXPORT_REDIS_INFO_H

#include <holdfast/bytes.h>
#include <holdfast/stats.h>
#include <stdint.h>

/* clang-format off */

/*    field of INFO                name                  kind     help */
#define HF_REDIS_INFO_MAP(X)                                                                 \
    X(uptime_in_seconds,           uptime_seconds,       GAUGE,   "Since it started")        \
    X(connected_clients,           clients,              GAUGE,   "Connections to it")       \
    X(maxclients,                  clients_max,          GAUGE,   "Limit of connections")    \
    X(blocked_clients,             clients_blocked,      GAUGE,   "In a blocking call")      \
    X(rejected_connections,        connections_rejected, COUNTER, "Refused at the limit")    \
    X(used_memory,                 memory_bytes,         GAUGE,   "Memory in use")           \
    X(maxmemory,                   memory_max_bytes,     GAUGE,   "Limit of it; 0: none")    \
    X(total_commands_processed,    commands,             COUNTER, "Commands of everybody")   \
    X(keyspace_hits,               keyspace_hits,        COUNTER, "Lookups that found")      \
    X(keyspace_misses,             keyspace_misses,      COUNTER, "Lookups in vain")         \
    X(expired_keys,                expired_keys,         COUNTER, "Keys that expired")       \
    X(evicted_keys,                evicted_keys,         COUNTER, "Keys that made room")     \
    X(connected_slaves,            replicas,             GAUGE,   "Replicas connected")      \
    X(loading,                     loading,              GAUGE,   "1: reads its data set")   \
    X(rdb_changes_since_last_save, changes_unsaved,      GAUGE,   "Writes since a snapshot")

/* clang-format on */

enum {
#define X(field, name, kind, help) HF_REDIS_INFO_##field,
    HF_REDIS_INFO_MAP(X)
#undef X
        HF_REDIS_INFO_COUNT
};

struct hf_redis_info_row {
    const char       *field;
    const char       *name; /* Of the metric, without "holdfast_redis_". */
    enum hf_stat_kind kind;
    const char       *help;
};

extern const struct hf_redis_info_row hf_redis_info_rows[HF_REDIS_INFO_COUNT];

/* Fields that are missing, or no whole numbers, are 0. */
void hf_redis_info_parse(struct hf_bytes text, uint64_t values[HF_REDIS_INFO_COUNT]);

#endif
