#include "command.h"

#include <stdint.h>
#include <string.h>

/* clang-format off */

#define EXPORTER_FLAGS                                                                       \
    { "--from", "URL", "of the exporter: http://HOST[:PORT]" },                              \
    { "--token-file", "FILE", "its first line is the exporter's token; default "             \
                              "HOLDFAST_EXPORTER_TOKEN" },                                   \
    { "--client", "NAME", "only this client of the application" }

static const struct command commands[] = {
    { "get", "KEY", "print the value of an entry",
      "Prints the value as it is, on a terminal with a line end behind it. Exits with 1\n"
      "when there is no such entry.\n\n"
      "  holdfast get user:42\n"
      "  holdfast get report.pdf > report.pdf",
      1, 1, { { NULL, NULL, NULL } }, run_get },
    { "set", "KEY [VALUE|-]", "store a value",
      "Stores the argument, or standard input when it is -, or a file. Exits with 1 when a\n"
      "condition was not met and nothing was stored.\n\n"
      "  holdfast set user:42 '{\"name\":\"Ada\"}' --ttl 10min\n"
      "  pg_dump mydb | holdfast set dump - --ttl 1h\n"
      "  holdfast set report.pdf --file report.pdf",
      1, 2,
      { { "--ttl", "DURATION", "how long it is kept: 30, 250ms, 10min, 1.5h; default 1h" },
        { "--file", "PATH", "take the value from this file" },
        { "--if-absent", NULL, "only when there is no such entry yet" },
        { "--if-present", NULL, "only when there is one" },
        { "--tag", "NAME[,NAME...]", "tags to invalidate it by, later" } },
      run_set },
    { "put", "KEY FILE|-", "store a file of any size, without holding it in memory",
      "Streams the file, or standard input when it is -, in chunks. On a terminal it shows\n"
      "how far it is. Until it is done readers see what was there before.\n\n"
      "  holdfast put film film.mp4 --ttl 1h",
      2, 2,
      { { "--ttl", "DURATION", "how long it is kept: 30, 250ms, 10min, 1.5h; default 1h" },
        { "--tag", "NAME[,NAME...]", "tags to invalidate it by, later" } },
      run_put },
    { "fetch", "KEY FILE|-", "write the value of an entry to a file",
      "Writes FILE.partial and renames it when all is there; - is standard output. Exits\n"
      "with 1 when there is no such entry.",
      2, 2, { { NULL, NULL, NULL } }, run_fetch },
    { "del", "KEY...", "delete entries",
      "Deletes the entries and prints how many there were. Exits with 1 when there was none.",
      1, SIZE_MAX, { { NULL, NULL, NULL } }, run_del },
    { "invalidate", "", "make all entries of a tag, or of a pattern, miss",
      "By tag at once, however many entries have it; other processes follow within 3 s. By\n"
      "pattern it looks at all keys, in small steps, and prints how many it deleted. One of\n"
      "the three must be given.\n\n"
      "  holdfast invalidate --tag prices,user:42\n"
      "  holdfast invalidate --pattern 'user:42:*'",
      0, 0,
      { { "--tag", "NAME[,NAME...]", "the entries that were stored with one of these tags" },
        { "--pattern", "GLOB", "those whose keys match, as in Redis: * ? [ab] \\" },
        { "--all", NULL, "all of the cache" } },
      run_invalidate },
    { "exists", "KEY", "tell whether there is an entry",
      "Prints yes or no. Exits with 1 when there is no such entry.",
      1, 1, { { NULL, NULL, NULL } }, run_exists },
    { "ttl", "KEY", "print how long an entry will be kept",
      "Prints the seconds that are left. Exits with 1 when there is no such entry.",
      1, 1, { { NULL, NULL, NULL } }, run_ttl },
    { "ping", "", "ask Redis whether it is there",
      "Prints how long the answer took.",
      0, 0, { { NULL, NULL, NULL } }, run_ping },
    { "health", "", "say how Redis is: up, degraded or down, and why",
      "Exits with 0 when it is up or degraded, with 3 when it is down.",
      0, 0, { { NULL, NULL, NULL } }, run_health },
    { "doctor", "", "examine a server, and say what to do about what is wrong",
      "Looks at the URL, the name, the port, TLS, the login, role, version, memory and\n"
      "policy, persistence and clients; measures 100 pings and the clocks; stores, reads\n"
      "and deletes an entry of its own; says whose keys there are, by a sample. Each line\n"
      "begins with ok, warning or problem. Exits with 1 when there was a problem.\n\n"
      "  holdfast doctor --url rediss://cache.internal --tls-ca-file ca.pem",
      0, 0, { { NULL, NULL, NULL } }, run_doctor },
    { "explain", "KEY", "say why a key hits or misses",
      "Prints what there is, where a read would find it, its age and time to live, its form\n"
      "and sizes; and whose it is when it is not the cache's. Changes nothing. Exits with 1\n"
      "when a read would miss.",
      1, 1, { { NULL, NULL, NULL } }, run_explain },
    { "fingerprint", "NAME[:TYPE]=VALUE...", "print the key for parameters, in any order",
      "Prints the same 64 digits for the same parameters on every machine. Types are string\n"
      "(when none is given), int, double, bool, null, hex, file, list and set; members of a\n"
      "list or set are texts with commas between them. Asks no server.\n\n"
      "  holdfast fingerprint template=invoice page:int=3 logo:file=logo.svg\n"
      "  holdfast set \"q:$(holdfast fingerprint year:int=2026)\" --file report.pdf",
      1, SIZE_MAX,
      { { "--encoding", NULL, "print what is hashed, in hexadecimal" } },
      run_fingerprint },
    { "warm", "FILE", "store the entries of a file",
      "FILE has one JSON object on each line: key or key_base64, value or value_base64, and\n"
      "if wanted ttl, in seconds or as \"1.5h\"; - is standard input. A line that cannot be\n"
      "stored is told with its number, and the rest goes on; then it exits with 1. When\n"
      "Redis goes away it says where to go on.\n\n"
      "  holdfast warm entries.jsonl --only-missing --rate 5000",
      1, 1,
      { { "--only-missing", NULL, "leave alone the entries that are there" },
        { "--rate", "COUNT", "most entries a second; default: no limit" },
        { "--concurrency", "COUNT", "batches under way at once, 1 to 16; default 2" },
        { "--ttl", "DURATION", "of entries that give none; default 1h" },
        { "--skip", "COUNT", "lines that an earlier run has done" } },
      run_warm },
    { "usage", "", "say how many entries there are, how large and how old",
      "Looks at some of the keys and estimates from them; what is estimated is shown with\n"
      "the bounds between which the truth is with 95 % confidence. memory is what Redis\n"
      "takes for them, but for the chunks of large values.",
      0, 0,
      { { "--keys", "COUNT", "how many keys to look at; default 10000" } },
      run_usage },
    { "backup", "FILE", "write all entries to a file, while others use them",
      "Writes FILE.partial, and when all is on the disk renames it to FILE. When it is\n"
      "ended or Redis goes away, --resume goes on with what there is.\n\n"
      "  holdfast backup cache.hfb --rate 20000",
      1, 1,
      { { "--rate", "COUNT", "most entries a second; default: no limit" },
        { "--resume", NULL, "go on with an unfinished FILE.partial" } },
      run_backup },
    { "restore", "FILE", "put the entries of a backup back",
      "Entries that have expired are left out, and those that are there and as new or newer\n"
      "stay. Of a damaged file it restores what is whole, says where it is not, and exits\n"
      "with 1.",
      1, 1,
      { { "--rate", "COUNT", "most entries a second; default: no limit" },
        { "--overwrite", NULL, "overwrite newer entries too" },
        { "--any-namespace", NULL, "also from a cache of another prefix or version" },
        { "--from", "OFFSET", "go on at this byte of the file" } },
      run_restore },
    { "verify", "FILE", "check a backup from end to end",
      "Says how many entries it has and where it is damaged. Exits with 1 when it is not\n"
      "whole. Asks no server.",
      1, 1, { { NULL, NULL, NULL } }, run_verify },
    { "tasks", "COMMAND", "create, watch and work off tasks",
      "Tasks are kept in Redis until they are done: none lost, none done twice unawares.\n\n"
      "  id=$(holdfast tasks create render --file page.svg)\n"
      "  holdfast tasks work --exec 'convert svg:- png:fd:3'\n"
      "  holdfast tasks watch \"$id\"",
      0, 0, { { NULL, NULL, NULL } }, run_tasks },
    { "hot", "", "list the keys that are read most",
      "Prints reads of the last ten to twenty minutes and keys, the most read first, as the\n"
      "applications have told that count reads (access_sample). Exits with 1 when none did.",
      0, 0,
      { { "--count", "NUMBER", "how many keys, at most 1000; default 20" } },
      run_hot },
    { "stats", "", "print the statistics of an application, or of a Redis",
      "With --from it asks an application's exporter, else Redis itself. With --json it\n"
      "prints all that the exporter says.\n\n"
      "  holdfast stats --from http://127.0.0.1:9121",
      0, 0, { EXPORTER_FLAGS }, run_stats },
    { "top", "", "watch an application, or a Redis, live",
      "Shows what happens in each second: calls, hits, latency, breaker, pool, errors, hot\n"
      "keys. With --from it asks an application's exporter, else Redis itself. Into a pipe,\n"
      "and with --once, it prints one picture of one interval and ends.\n\n"
      "Keys: s sorts by rate, total or name; / filters by a text; tab shows hot keys, slow\n"
      "calls, latencies; n shows the next client; p pauses; arrows scroll; q ends.\n\n"
      "  holdfast top --from http://127.0.0.1:9121",
      0, 0,
      { EXPORTER_FLAGS,
        { "--interval", "DURATION", "between two looks, 0.1 to 60 s; default 1" },
        { "--once", NULL, "one picture, also on a terminal" } },
      run_top },
    { "breaker", "show|reset|force STATE", "show or set an application's circuit breaker",
      "Asks the application's exporter, which to reset or to force wants its token. Forced\n"
      "is forced_open (nothing passes), disabled (all passes, nothing is counted) or\n"
      "metrics_only (all passes and is counted), until a reset.\n\n"
      "  holdfast breaker force disabled --from http://127.0.0.1:9121 --token-file key",
      1, 2, { EXPORTER_FLAGS }, run_breaker },
    { "export", "", "serve health, metrics and a dashboard over HTTP",
      "Watches the Redis as an application would, and serves what it sees until it is\n"
      "interrupted: / (the dashboard), /metrics (Prometheus), /livez, /readyz, /healthz,\n"
      "/stats. An application serves its own numbers by the library libholdfast-exporter.\n\n"
      "  holdfast export --url redis://cache.internal --listen 9121",
      0, 0,
      { { "--listen", "[HOST:]PORT", "where; default 127.0.0.1:9121; port 0: any free one" },
        { "--token-file", "FILE", "its first line is the token that changing a breaker "
                                  "wants; default HOLDFAST_EXPORTER_TOKEN" },
        { "--private", NULL, "reading wants the token too, but for /, /livez and /readyz" },
        { "--name", "NAME", "what the client is called; default default" },
        { "--ready", "RULE", "of /readyz: always (default), once_connected, unless_down, "
                             "while_up" } },
      run_export },
    { "demo", "", "see an application survive its Redis, in 25 seconds",
      "Runs an application of 16 threads on a Redis of its own and hurts that Redis while\n"
      "the application works: hangs it, kills it, takes its memory, cuts its connections,\n"
      "makes it wait. Every answer is checked, every call is timed.\n\n"
      "On a terminal it draws; into a pipe it prints one line a second. It ends with a\n"
      "table. Exits with 1 when a request was not served, an answer was wrong, a call\n"
      "outlived its deadline by more than 20 ms, or the breaker was not closed at the end.",
      0, 0,
      { { "--plain", NULL, "one line a second, also on a terminal" },
        { "--ascii", NULL, "draw without block characters" },
        { "--http", "[HOST:]PORT", "serve the dashboard meanwhile; port 0: any free one" } },
      run_demo },
    { "help", "[COMMAND|options]", "explain a command, or all options",
      "Prints help on a command. `holdfast help options` explains every setting.",
      0, 2, { { NULL, NULL, NULL } }, run_help },
};

/* clang-format on */

enum { COMMANDS = sizeof commands / sizeof commands[0] };

const struct command *command_at(size_t index)
{
    return index < COMMANDS ? &commands[index] : NULL;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    }
    return NULL;
}
