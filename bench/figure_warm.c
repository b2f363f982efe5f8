#include "die.h"
#include "figures.h"
#include "ours.h"

#include <holdfast/warm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES = 40000, ENTRIES_TINY = 1000 };

struct list {
    const struct dataset *data;
    size_t                next;
    size_t                count;
};

static hf_err next_entry(struct hf_warm_entry *entry, struct hf_error *error, void *ctx)
{
    struct list *l = ctx;
    (void)error;
    if (l->next == l->count) return HF_MISS;
    entry->key = l->data->keys[l->next++ % l->data->count];
    entry->value = l->data->value;
    return HF_OK;
}

double warm_holdfast(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)driver;
    struct list             list = { .data = lab_dataset(lab, load->value_size),
                                     .count = lab->tiny ? ENTRIES_TINY : ENTRIES };
    struct hf_client       *client = ours_open(&lab->server.unix_address, NULL, NULL);
    struct hf_cache        *cache = ours_open_cache(client, list.data);
    struct hf_warm_progress done = { 0 };
    struct hf_error         error;

    const hf_instant begun = hf_now();
    if (hf_cache_warm(cache, NULL, NULL, next_entry, &list, &done, &error)) {
        die("warm: %s", error.detail);
    }
    const double seconds = (double)hf_between(begun, hf_now()).ns / 1e9;
    if (done.stored != list.count) die("warm: not all entries were stored");
    hf_cache_close(cache);
    hf_client_close(client);
    return (double)list.count / seconds;
}

static void write_commands(const char *path, const struct dataset *data, size_t count)
{
    FILE *file = fopen(path, "we");
    if (!file) die("%s cannot be written", path);
    for (size_t i = 0; i < count; i++) {
        const struct hf_bytes key = data->keys[i % data->count];
        fprintf(file, "*5\r\n$3\r\nSET\r\n$%zu\r\n%.*s\r\n$%zu\r\n", key.size, (int)key.size,
                (const char *)key.data, data->value.size);
        fwrite(data->value.data, 1, data->value.size, file);
        fputs("\r\n$2\r\nPX\r\n$7\r\n3600000\r\n", file);
    }
    if (fclose(file)) die("%s cannot be written", path);
}

/* The commands are in a file beforehand; redis-cli has nothing to do but to send them. */
double warm_redis_cli(struct lab *lab, const struct load *load, const struct driver *driver)
{
    (void)driver;
    const struct dataset *data = lab_dataset(lab, load->value_size);
    const size_t          count = lab->tiny ? ENTRIES_TINY : ENTRIES;
    char                  path[128], command[512], line[256];
    bool                  is_complete = false;

    snprintf(path, sizeof path, "%s/commands", lab->server.folder);
    write_commands(path, data, count);
    snprintf(command, sizeof command, "redis-cli -s %s --pipe <%s 2>&1", lab->server.path,
             path);
    const hf_instant begun = hf_now();
    FILE            *output = popen(command, "re");
    if (!output) die("redis-cli cannot be run");
    while (fgets(line, sizeof line, output)) {
        if (strstr(line, "errors: 0")) is_complete = true;
    }
    if (pclose(output) || !is_complete) die("redis-cli --pipe failed");
    const double seconds = (double)hf_between(begun, hf_now()).ns / 1e9;
    remove(path);
    return (double)count / seconds;
}
