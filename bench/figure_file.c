#include "child.h"
#include "die.h"
#include "figures.h"
#include "ours.h"
#include "redis.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file goes into Redis and comes back as another, synced to the disk, on both sides. */

enum { WHOLE = 64 * 1024 * 1024, TINY = 4 * 1024 * 1024, PATH_ROOM = 160 };

struct trip {
    struct lab *lab;
    size_t      size;
    char        from[PATH_ROOM], to[PATH_ROOM];
};

static struct trip make_trip(struct lab *lab)
{
    struct trip trip = { .lab = lab, .size = lab->tiny ? TINY : WHOLE };
    snprintf(trip.from, PATH_ROOM, "%s/from", lab->server.folder);
    snprintf(trip.to, PATH_ROOM, "%s/to", lab->server.folder);
    FILE *file = fopen(trip.from, "we");
    if (!file) die("%s: cannot be written", trip.from);
    for (size_t i = 0; i < trip.size; i++) putc((int)(i * 2654435761u >> 13 & 0xff), file);
    if (fclose(file)) die("%s: cannot be written", trip.from);
    return trip;
}

static void check_copy(const struct trip *trip)
{
    struct stat s;
    if (stat(trip->to, &s) || (size_t)s.st_size != trip->size) die("not the whole file");
}

static void end_trip(const struct trip *trip)
{
    remove(trip->from);
    remove(trip->to);
}

static double ms_since(hf_instant begun)
{
    return (double)hf_between(begun, hf_now()).ns / 1e6;
}

/* ---- Ours ---------------------------------------------------------------------- */

static struct hf_files *open_files(struct hf_client *client)
{
    const struct hf_files_options here = { .host = "bench" };
    struct hf_files              *files;
    struct hf_error               error;
    if (hf_files_open(client, &here, &files, &error)) die("files: %s", error.detail);
    return files;
}

static void go_and_return(struct hf_files *files, const char *from, const char *to)
{
    struct hf_error error;
    if (hf_file_store(files, NULL, hf_str("file"), from, NULL, &error) ||
        hf_file_fetch(files, NULL, hf_str("file"), to, &error)) {
        die("files: %s", error.detail);
    }
}

double file_trip_holdfast(struct lab *lab, const struct load *load,
                          const struct driver *driver)
{
    (void)load;
    (void)driver;
    const struct trip trip = make_trip(lab);
    struct hf_client *client = ours_open(&lab->server.unix_address, NULL, NULL);
    struct hf_files  *files = open_files(client);
    const hf_instant  begun = hf_now();
    go_and_return(files, trip.from, trip.to);
    const double ms = ms_since(begun);
    check_copy(&trip);
    (void)!hf_file_delete(files, NULL, hf_str("file"), NULL);
    hf_files_close(files);
    hf_client_close(client);
    end_trip(&trip);
    return ms;
}

/* A field of /proc/self/status, in bytes. */
static double memory_now(const char *field)
{
    char          line[256];
    unsigned long kb = 0;
    const size_t  size = strlen(field);
    FILE         *file = fopen("/proc/self/status", "re");
    if (!file) die("/proc/self/status: unreadable");
    while (kb == 0 && fgets(line, sizeof line, file)) {
        if (strncmp(line, field, size) == 0) kb = strtoul(line + size + 1, NULL, 10);
    }
    fclose(file);
    if (kb == 0) die("/proc/self/status: no %s", field);
    return (double)kb * 1024;
}

static void forget_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "we");
    if (!file || fputs("5", file) < 0 || fclose(file)) die("/proc/self/clear_refs");
}

/* What it takes at most above what the idle client has. */
static double peak_of_trip(void *ctx)
{
    const struct trip *trip = ctx;
    struct hf_client  *client = ours_open(&trip->lab->server.unix_address, NULL, NULL);
    struct hf_files   *files = open_files(client);
    struct hf_error    error;
    if (hf_file_delete(files, NULL, hf_str("file"), &error) > HF_MISS) {
        die("files: %s", error.detail);
    }
    forget_peak();
    const double idle = memory_now("VmRSS");
    go_and_return(files, trip->from, trip->to);
    const double bytes = memory_now("VmHWM") - idle;
    hf_files_close(files);
    hf_client_close(client);
    return bytes;
}

double file_trip_bytes(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)load;
    (void)driver;
    struct trip  trip = make_trip(lab);
    const double bytes = child_figure(peak_of_trip, &trip);
    end_trip(&trip);
    return bytes;
}

/* ---- Theirs -------------------------------------------------------------------- */

/* As a careful user writes it: the file is read into memory, and the answer written out. */
double file_trip_hiredis(struct lab *lab, const struct load *load,
                         const struct driver *driver)
{
    (void)load;
    (void)driver;
    const struct trip trip = make_trip(lab);
    redisContext     *redis = redis_connect(&lab->server.unix_address);
    const hf_instant  begun = hf_now();
    char             *bytes = malloc(trip.size);
    FILE             *in = fopen(trip.from, "re"), *out = fopen(trip.to, "we");
    if (!bytes || !in || !out) die("files: cannot be opened");
    if (fread(bytes, 1, trip.size, in) != trip.size) die("files: not the whole");
    redisReply *stored = redisCommand(redis, "SET bench:file %b", bytes, trip.size);
    redisReply *found = redisCommand(redis, "GET bench:file");
    if (!stored || !found || found->len != trip.size) die("hiredis: not the whole");
    if (fwrite(found->str, 1, found->len, out) != found->len || fflush(out) ||
        fsync(fileno(out))) {
        die("files: cannot be written");
    }
    fclose(in);
    fclose(out);
    free(bytes);
    freeReplyObject(stored);
    freeReplyObject(found);
    const double ms = ms_since(begun);
    check_copy(&trip);
    freeReplyObject(redisCommand(redis, "DEL bench:file"));
    redisFree(redis);
    end_trip(&trip);
    return ms;
}
