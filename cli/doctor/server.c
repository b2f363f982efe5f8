#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAJOR_MIN = 6, CLIENTS_PERCENT = 80 };

static const double mib = 1024 * 1024, nearly_full = 0.9, half_full = 0.5;

/* ---- Role and version ---------------------------------------------------------- */

static void say_role(struct doctor *d, const char *role)
{
    static const char *const advice = "Give the URL of the master, or promote this one.";
    if (strcmp(role, "slave") == 0) {
        doctor_say(d, LEVEL_PROBLEM, "role", advice, "a replica%s: writes are refused",
                   info_is(&d->info, "master_link_status", "down")
                       ? " whose link to its master is down"
                       : "");
    } else if (strcmp(role, "sentinel") == 0) {
        doctor_say(d, LEVEL_PROBLEM, "role", "Give the URL of the Redis it watches.",
                   "a sentinel: it keeps no data");
    } else if (info_count(&d->info, "cluster_enabled")) {
        doctor_say(d, LEVEL_WARNING, "role",
                   "Keys of other nodes fail with MOVED: use a server that is no cluster.",
                   "master, of a cluster");
    } else {
        doctor_say(d, LEVEL_OK, "role", NULL, "%s", role);
    }
}

/* INFO may be forbidden where ROLE is not. */
static void ask_role(struct doctor *d)
{
    const char *const words[] = { "ROLE" };
    struct hf_reply  *reply;
    struct hf_bytes   role;
    if (doctor_ask(d, words, 1, &reply)) return;
    if (hf_reply_bytes(hf_reply_at(reply, 0), &role) == HF_OK) say_role(d, role.data);
    hf_reply_free(reply);
}

static void check_role(struct doctor *d)
{
    char role[16];
    char mode[16];
    info_text(&d->info, "role", role, sizeof role);
    info_text(&d->info, "redis_mode", mode, sizeof mode);
    say_role(d, strcmp(mode, "sentinel") == 0 ? mode : role);
}

static void check_version(struct doctor *d)
{
    char version[32];
    info_text(&d->info, "redis_version", version, sizeof version);
    const bool     is_old = strtol(version, NULL, 10) < MAJOR_MIN;
    const uint64_t up = info_count(&d->info, "uptime_in_seconds");
    doctor_say(d, is_old ? LEVEL_WARNING : LEVEL_OK, "version",
               is_old ? "Tested are 6.0 and later; the near cache needs 6.0." : NULL,
               "Redis %s, up %llu %s", version,
               (unsigned long long)(up >= 7200 ? up / 3600 : up), up >= 7200 ? "hours" : "s");
}

/* ---- Memory -------------------------------------------------------------------- */

static void say_policy(struct doctor *d, const char *policy, const char *use, double fill)
{
    uint64_t keys, expiring;
    info_keys(&d->info, &keys, &expiring);
    const bool is_full = fill >= nearly_full;
    const bool is_volatile = strncmp(policy, "volatile-", 9) == 0;
    if (strcmp(policy, "noeviction") == 0) {
        doctor_say(d, is_full ? LEVEL_PROBLEM : LEVEL_WARNING, "memory",
                   "For a cache: CONFIG SET maxmemory-policy allkeys-lfu (volatile-lfu when "
                   "it shares the server with data that must stay).",
                   "%s, noeviction: when it is full%s, writes are refused", use,
                   is_full ? ", as now" : "");
    } else if (is_volatile && fill >= half_full && expiring < keys - expiring) {
        doctor_say(d, is_full ? LEVEL_PROBLEM : LEVEL_WARNING, "memory",
                   "Raise maxmemory, move what must stay elsewhere, or use allkeys-lfu.",
                   "%s, %s: %llu of %llu keys never expire and so are never evicted", use,
                   policy, (unsigned long long)(keys - expiring), (unsigned long long)keys);
    } else {
        doctor_say(d, LEVEL_OK, "memory", NULL, "%s, %s", use, policy);
    }
}

static void check_memory(struct doctor *d)
{
    const double used = (double)info_count(&d->info, "used_memory");
    const double max = (double)info_count(&d->info, "maxmemory");
    char         policy[32], use[96];
    info_text(&d->info, "maxmemory_policy", policy, sizeof policy);
    if (max <= 0) {
        doctor_say(
            d, LEVEL_WARNING, "memory",
            "It may grow until the machine has none left: CONFIG SET maxmemory 1gb and "
            "maxmemory-policy allkeys-lfu.",
            "%.1f MB used, no limit", used / mib);
        return;
    }
    snprintf(use, sizeof use, "%.1f of %.1f MB used", used / mib, max / mib);
    say_policy(d, policy, use, used / max);
}

/* ---- Persistence --------------------------------------------------------------- */

/* "" where CONFIG is forbidden. */
static void read_config(struct doctor *d, const char *name, char *value, size_t size)
{
    const char *const words[] = { "CONFIG", "GET", name };
    struct hf_reply  *reply;
    struct hf_bytes   found;
    value[0] = '\0';
    if (doctor_ask(d, words, 3, &reply)) return;
    if (hf_reply_bytes(hf_reply_get(reply, name), &found) == HF_OK) {
        snprintf(value, size, "%.*s", (int)found.size, (const char *)found.data);
    }
    hf_reply_free(reply);
}

static void check_persistence(struct doctor *d)
{
    const struct info *i = &d->info;
    const bool         has_aof = info_count(i, "aof_enabled");
    char               save[128], stop[8];
    read_config(d, "save", save, sizeof save);
    read_config(d, "stop-writes-on-bgsave-error", stop, sizeof stop);
    if (has_aof && !info_is(i, "aof_last_write_status", "ok")) {
        doctor_say(d, LEVEL_PROBLEM, "persistence",
                   "Its disk is full or broken: see its log.",
                   "the append-only file cannot be written: writes are refused");
    } else if (!info_is(i, "rdb_last_bgsave_status", "ok")) {
        doctor_say(d, strcmp(stop, "no") == 0 ? LEVEL_WARNING : LEVEL_PROBLEM, "persistence",
                   "See its log. A cache that needs no snapshots: CONFIG SET save \"\".",
                   "the last snapshot failed%s",
                   strcmp(stop, "no") == 0 ? "" : ": writes are refused");
    } else {
        doctor_say(d, LEVEL_OK, "persistence", NULL, "append-only file %s, snapshots %s",
                   has_aof ? "on" : "off",
                   *save                            ? save
                   : d->c.error.code == HF_E_NOPERM ? "unknown"
                                                    : "off");
    }
}

/* ---- Clients ------------------------------------------------------------------- */

static void check_clients(struct doctor *d)
{
    const uint64_t now = info_count(&d->info, "connected_clients");
    const uint64_t refused = info_count(&d->info, "rejected_connections");
    uint64_t       max = info_count(&d->info, "maxclients");
    char           text[24];
    if (max == 0) {
        read_config(d, "maxclients", text, sizeof text);
        max = strtoull(text, NULL, 10);
    }
    const bool is_tight = max && now * 100 >= max * CLIENTS_PERCENT;
    const bool is_small = max && max < d->health.connections_max;
    const bool is_bad = is_tight || is_small || refused;
    doctor_say(
        d, is_bad ? LEVEL_WARNING : LEVEL_OK, "clients",
        is_small ? "Raise maxclients, or lower --max-connections."
        : is_bad ? "Raise maxclients, or find who holds so many: CLIENT LIST."
                 : NULL,
        "%llu of %llu connected; %llu were refused since it started; this pool may use "
        "%u",
        (unsigned long long)now, (unsigned long long)max, (unsigned long long)refused,
        d->health.connections_max);
}

/* ---- All ----------------------------------------------------------------------- */

static void check_rights(struct doctor *d, hf_err info_err)
{
    char memory[24];
    if (info_err) {
        doctor_say(d, LEVEL_WARNING, "rights",
                   info_err == HF_E_NOPERM
                       ? "To see role, version, memory, persistence and clients: ACL SETUSER "
                         "NAME +info."
                       : "Role, version, memory, persistence and clients cannot be seen; was "
                         "it taken away by rename-command?",
                   "INFO: %s", hf_err_text(info_err));
    }
    d->c.error.code = HF_OK;
    read_config(d, "maxmemory", memory, sizeof memory);
    if (d->c.error.code == HF_E_NOPERM) {
        doctor_say(d, LEVEL_WARNING, "rights",
                   "To see how snapshots are set: ACL SETUSER NAME +config|get.",
                   "CONFIG GET: %s", hf_err_text(HF_E_NOPERM));
    }
}

void doctor_server(struct doctor *d)
{
    const hf_err err = info_read(d->c.client, &d->info, &d->c.error);
    d->has_info = err == HF_OK;
    check_rights(d, err);
    if (!d->has_info) {
        ask_role(d);
        return;
    }
    check_role(d);
    check_version(d);
    check_memory(d);
    check_persistence(d);
    check_clients(d);
}
