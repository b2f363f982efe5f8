#include "command.h"
#include "exporter.h"
#include "json.h"
#include "reading.h"

#include <stdio.h>
#include <string.h>

enum { FROM, TOKEN_FILE, CLIENT }; /* In the order of the command's flags. */

static const char *const states[] = { "forced_open", "disabled", "metrics_only" };

static bool is_state(const char *word)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (strcmp(states[i], word) == 0) return true;
    }
    complain(
        "breaker force: \"%s\" is no state; allowed: forced_open, disabled, metrics_only",
        word);
    return false;
}

static bool check(const struct invocation *inv)
{
    const char *verb = inv->args[0];
    if (!inv->values[FROM]) {
        complain("breaker: --from is missing; a breaker is asked for through an exporter");
        return false;
    }
    if (strcmp(verb, "force") == 0) {
        if (inv->arg_count == 2) return is_state(inv->args[1]);
        complain("breaker force: which state? forced_open, disabled or metrics_only");
        return false;
    }
    if (strcmp(verb, "show") != 0 && strcmp(verb, "reset") != 0) {
        complain("breaker: \"%s\" is not known; use show, reset or force STATE", verb);
        return false;
    }
    if (inv->arg_count == 2) complain("breaker %s: too many arguments", verb);
    return inv->arg_count == 1;
}

/* Letters, digits and what needs no escape stay. */
static void append_escaped(char *to, size_t size, const char *text)
{
    size_t used = strlen(to);
    for (; *text && used + 4 < size; text++) {
        const unsigned char c = (unsigned char)*text;
        const bool          is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                              (c >= 'A' && c <= 'Z') || strchr("-_.", c);
        used += (size_t)snprintf(to + used, size - used, is_plain ? "%c" : "%%%02X", c);
    }
}

static bool change(struct exporter *e, const struct invocation *inv)
{
    char        path[512] = "/breaker/reset";
    const char *client = inv->values[CLIENT];
    const bool  is_force = strcmp(inv->args[0], "force") == 0;
    if (is_force) snprintf(path, sizeof path, "/breaker/force?state=%s", inv->args[1]);
    if (client) {
        const size_t used = strlen(path);
        snprintf(path + used, sizeof path - used, "%cclient=", is_force ? '&' : '?');
        append_escaped(path, sizeof path, client);
    }
    return exporter_post(e, path);
}

static void print(const struct reading *r, bool json)
{
    if (json) {
        json_begin();
        json_text("client", r->name);
        json_text("state", r->breaker_state);
        json_text("text", r->breaker);
        json_text("endpoint", r->endpoint);
        json_end();
        return;
    }
    printf("%-16s %s\n", r->name, r->breaker);
}

static enum exit_status show(struct exporter *e, const struct invocation *inv)
{
    static struct reading r;
    const char           *name = inv->values[CLIENT];
    json_t               *stats = exporter_get(e, "/stats");
    size_t                shown_count = 0;
    if (!stats) {
        complain("%s", e->why);
        return EXIT_UNAVAILABLE;
    }
    for (; reading_from_stats(&r, stats, shown_count, name); shown_count++) {
        print(&r, inv->json);
        if (name) break;
    }
    json_decref(stats);
    if (shown_count || r.client < r.client_count) return EXIT_OK;
    if (name) {
        complain("%s: it has no client \"%s\"", e->shown, name);
    } else {
        complain("%s: it tells of no client", e->shown);
    }
    return EXIT_MISS;
}

enum exit_status run_breaker(const struct invocation *inv)
{
    static struct exporter e;
    enum exit_status       status = EXIT_USAGE;
    if (!check(inv) || !exporter_open(&e, inv->values[FROM], inv->values[TOKEN_FILE])) {
        return EXIT_USAGE;
    }
    if (strcmp(inv->args[0], "show") != 0 && !change(&e, inv)) {
        complain("%s", e.why);
        status = EXIT_UNAVAILABLE;
    } else {
        status = show(&e, inv);
    }
    explicit_bzero(e.token, sizeof e.token);
    return status;
}
