/* Writes a cache to a file, loses it, and gets it back. */

#include <holdfast/holdfast.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void show_damage(const struct hf_backup_damage *damage, void *ctx)
{
    (void)ctx;
    printf("at byte %" PRIu64 ": %s\n", damage->offset, damage->what);
}

static int run(struct hf_cache *cache, const char *path)
{
    const struct hf_restore  how = { .damage = show_damage };
    struct hf_backup_report  done;
    struct hf_restore_report seen = { 0 }, back = { 0 };
    struct hf_error          error;

    if (hf_cache_set(cache, NULL, hf_str("a"), hf_str("Ada"), NULL, &error) ||
        hf_cache_set(cache, NULL, hf_str("b"), hf_str("Bob"), NULL, &error) ||
        hf_cache_backup(cache, NULL, NULL, path, &done, &error) ||
        hf_backup_verify(&how, path, &seen, &error))
        return 1;
    printf("%" PRIu64 " entries in the file\n", seen.entries);

    if (hf_cache_clear(cache, NULL, &error) ||
        hf_cache_set(cache, NULL, hf_str("b"), hf_str("Bob, newer"), NULL, &error) ||
        hf_cache_restore(cache, NULL, &how, path, &back, &error))
        return 1;
    printf("%" PRIu64 " restored, %" PRIu64 " kept\n", back.restored, back.kept);

    /* A file that was cut gives what is whole. */
    back = (struct hf_restore_report){ 0 };
    if (truncate(path, (off_t)done.bytes - 40)) return 1;
    const hf_err err = hf_cache_restore(cache, NULL, &how, path, &back, &error);
    printf("%s; %" PRIu64 " entries are whole\n", err ? error.detail : "whole", back.entries);
    return 0;
}

int main(void)
{
    char               folder[] = "/tmp/holdfast-example.XXXXXX", path[64];
    struct hf_options *options;
    struct hf_client  *client;
    struct hf_cache   *cache;

    if (!mkdtemp(folder) || hf_options_open(&options) ||
        hf_options_set(options, "url", "embedded:", NULL) ||
        hf_client_open(options, &client, NULL) || hf_cache_open(client, NULL, &cache, NULL) ||
        hf_client_wait_ready(client, hf_seconds(10), NULL))
        return 1;
    snprintf(path, sizeof path, "%s/cache.hfb", folder);
    const int status = run(cache, path);

    hf_cache_close(cache);
    hf_client_close(client);
    hf_options_close(options);
    unlink(path);
    rmdir(folder);
    return status;
}
