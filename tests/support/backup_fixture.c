#include "support/backup_fixture.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void backup_fixture_open(struct backup_fixture *f)
{
    *f = (struct backup_fixture){ .folder = "/tmp/holdfast-backup.XXXXXX", .steps_left = -1 };
    cache_fixture_open(&f->cache, NULL);
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/file", f->folder);
    snprintf(f->partial, sizeof f->partial, "%s.partial", f->path);
}

void backup_fixture_close(struct backup_fixture *f)
{
    (void)unlink(f->path);
    (void)unlink(f->partial);
    assert_int_equal(rmdir(f->folder), 0);
    cache_fixture_close(&f->cache);
}

void backup_fixture_fill(struct backup_fixture *f, const char *text)
{
    static char            names[BACKUP_ENTRIES][24], values[BACKUP_ENTRIES][48];
    static struct hf_bytes keys[BACKUP_ENTRIES], texts[BACKUP_ENTRIES];
    static hf_err          errs[BACKUP_ENTRIES];
    for (int i = 0; i < BACKUP_ENTRIES; i++) {
        snprintf(names[i], sizeof names[i], "key:%d", i);
        snprintf(values[i], sizeof values[i], "%s %d", text, i);
        keys[i] = hf_str(names[i]);
        texts[i] = hf_str(values[i]);
    }
    assert_int_equal(hf_cache_set_many(f->cache.cache, NULL, keys, texts, BACKUP_ENTRIES,
                                       NULL, errs, &f->cache.error),
                     HF_OK);
}

void backup_fixture_expect(struct backup_fixture *f, int i, const char *text)
{
    char key[24], value[48];
    snprintf(key, sizeof key, "key:%d", i);
    snprintf(value, sizeof value, "%s %d", text, i);
    assert_int_equal(cache_fixture_expect(&f->cache, key, value), HF_OK);
}

int backup_fixture_count(struct backup_fixture *f)
{
    int found = 0;
    for (int i = 0; i < BACKUP_ENTRIES; i++) {
        char key[24];
        snprintf(key, sizeof key, "key:%d", i);
        found += hf_cache_exists(f->cache.cache, NULL, hf_str(key), NULL) == HF_OK;
    }
    return found;
}

/* As if the server had lost its data: without a word to the client. */
void backup_fixture_lose(struct backup_fixture *f)
{
    redis_server_do(f->cache.server, "FLUSHALL");
}

hf_err backup_fixture_backup(struct backup_fixture *f, struct hf_backup_report *report)
{
    return hf_cache_backup(f->cache.cache, NULL, NULL, f->path, report, &f->cache.error);
}

static void note_damage(const struct hf_backup_damage *damage, void *ctx)
{
    struct backup_fixture *f = ctx;
    if (f->damages++ == 0) f->damaged_at = damage->offset;
    assert_true(damage->size > 0 || damage->what[0]);
}

static bool go_on(struct backup_fixture *f)
{
    if (f->kill_in > 0 && --f->kill_in == 0) redis_server_kill(f->cache.server);
    return f->steps_left < 0 || f->steps_left-- > 0;
}

bool backup_fixture_on_backup(const struct hf_backup_report *report, void *ctx)
{
    assert_true(report->bytes > 0);
    return go_on(ctx);
}

static bool on_restore(const struct hf_restore_report *report, void *ctx)
{
    assert_true(report->offset <= report->size);
    return go_on(ctx);
}

struct hf_restore backup_fixture_how(struct backup_fixture *f)
{
    return (struct hf_restore){ .damage = note_damage, .progress = on_restore, .ctx = f };
}

hf_err backup_fixture_restore(struct backup_fixture *f, struct hf_restore_report *report)
{
    const struct hf_restore how = backup_fixture_how(f);
    *report = (struct hf_restore_report){ 0 };
    f->damages = 0;
    return hf_cache_restore(f->cache.cache, NULL, &how, f->path, report, &f->cache.error);
}
