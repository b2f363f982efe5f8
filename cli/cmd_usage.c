#include "amount.h"
#include "connection.h"
#include "json.h"
#include "quantity.h"

#include <holdfast/usage.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { KEYS }; /* In the order of the command's flags. */

static struct amount show_mean(double value)
{
    struct amount s = amount_count(value);
    if (value < 1000) snprintf(s.text, sizeof s.text, "%.1f", value);
    return s;
}

static struct amount show_duration(hf_duration d)
{
    struct amount s;
    const double  seconds = (double)d.ns / 1e9;
    const bool    is_long = seconds >= 172800, is_hours = seconds >= 7200;
    snprintf(s.text, sizeof s.text, "%.1f %s",
             is_long    ? seconds / 86400
             : is_hours ? seconds / 3600
                        : seconds,
             is_long    ? "days"
             : is_hours ? "hours"
                        : "s");
    return s;
}

static void print_estimate(const char *name, const struct hf_estimate *e,
                           struct amount (*show)(double))
{
    printf("%-14s %s", name, show(e->value).text);
    if (e->low < e->high) printf("  (%s to %s)", show(e->low).text, show(e->high).text);
    putchar('\n');
}

static void print(const struct hf_usage *u)
{
    const double seen = u->entries_seen ? (double)u->entries_seen : 1;
    print_estimate("entries", &u->entries, amount_count);
    print_estimate("values", &u->value_bytes, amount_bytes);
    print_estimate("stored", &u->stored_bytes, amount_bytes);
    print_estimate("memory", &u->memory_bytes, amount_bytes);
    print_estimate("leftovers", &u->leftovers, amount_count);
    if (u->entries_seen) {
        printf("%-14s %.0f %%\n", "compressed", 100 * (double)u->compressed_seen / seen);
        printf("%-14s %s\n", "largest seen", amount_bytes((double)u->value_size_max).text);
        printf("%-14s %s, from %s to %s\n", "age", show_duration(u->age_mean).text,
               show_duration(u->age_newest).text, show_duration(u->age_oldest).text);
        printf("%-14s %s\n", "still to live", show_duration(u->ttl_mean).text);
        if (u->counted_seen) print_estimate("reads of each", &u->reads_mean, show_mean);
    }
    printf("%-14s %" PRIu64 " of %" PRIu64 " in the database%s\n", "keys seen", u->keys_seen,
           u->keys, u->is_exact ? ": counted, not estimated" : "");
}

static void json_estimate(const char *name, const struct hf_estimate *e)
{
    static const char *const suffixes[] = { "", "_low", "_high" };
    const double             values[] = { e->value, e->low, e->high };
    for (size_t i = 0; i < 3; i++) {
        char whole[64];
        snprintf(whole, sizeof whole, "%s%s", name, suffixes[i]);
        if (isinf(values[i])) {
            json_nothing(whole);
        } else {
            json_number(whole, values[i]);
        }
    }
}

static void print_json(const struct hf_usage *u)
{
    json_begin();
    json_count("keys", u->keys);
    json_count("keys_seen", u->keys_seen);
    json_bool("exact", u->is_exact);
    json_estimate("entries", &u->entries);
    json_estimate("leftovers", &u->leftovers);
    json_estimate("value_bytes", &u->value_bytes);
    json_estimate("stored_bytes", &u->stored_bytes);
    json_estimate("memory_bytes", &u->memory_bytes);
    json_count("entries_seen", u->entries_seen);
    json_count("compressed_seen", u->compressed_seen);
    json_count("value_size_max", u->value_size_max);
    json_number("age_mean_seconds", (double)u->age_mean.ns / 1e9);
    json_number("age_oldest_seconds", (double)u->age_oldest.ns / 1e9);
    json_number("age_newest_seconds", (double)u->age_newest.ns / 1e9);
    json_number("ttl_mean_seconds", (double)u->ttl_mean.ns / 1e9);
    json_count("counted_seen", u->counted_seen);
    json_estimate("reads_mean", &u->reads_mean);
    json_end();
}

static enum exit_status usage(struct connection *c)
{
    struct hf_usage u;
    uint64_t        keys = 0;
    if (!quantity_count("--keys", c->inv->values[KEYS], 1, UINT64_MAX, &keys)) {
        return EXIT_USAGE;
    }
    const hf_err err = hf_cache_usage(c->cache, NULL, keys, &u, &c->error);
    if (err) return connection_fail(c, err);
    if (c->inv->json) {
        print_json(&u);
    } else {
        print(&u);
    }
    return EXIT_OK;
}

enum exit_status run_usage(const struct invocation *inv)
{
    struct connection c;
    enum exit_status  status = connection_open(&c, inv);
    if (status == EXIT_OK) status = usage(&c);
    connection_close(&c);
    return status;
}
