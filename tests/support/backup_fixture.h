/* backup_fixture.h - a cache full of entries and a place for its backup.
 *
 * Threads:  as the parts. */

#ifndef HF_TESTS_BACKUP_FIXTURE_H
#define HF_TESTS_BACKUP_FIXTURE_H

#include "support/cache_fixture.h"

enum { BACKUP_ENTRIES = 3000 };

struct backup_fixture {
    struct cache_fixture cache;
    char                 folder[64];
    char                 path[128];
    char                 partial[160];
    int                  damages;
    uint64_t             damaged_at;
    int                  steps_left; /* Progress ends it when none is; below 0: never. */
    int                  kill_in;    /* The server, in so many steps; 0: not. */
};

void backup_fixture_open(struct backup_fixture *f);
void backup_fixture_close(struct backup_fixture *f);

/* BACKUP_ENTRIES entries "key:I" with "TEXT I". */
void backup_fixture_fill(struct backup_fixture *f, const char *text);

/* Entry number i is there with that text. */
void backup_fixture_expect(struct backup_fixture *f, int i, const char *text);

/* How many of them are there. */
int backup_fixture_count(struct backup_fixture *f);

/* As if the server had lost its data: without a word to the client. */
void backup_fixture_lose(struct backup_fixture *f);

hf_err backup_fixture_backup(struct backup_fixture *f, struct hf_backup_report *report);

/* Progress of a backup, with the fixture as ctx. */
bool backup_fixture_on_backup(const struct hf_backup_report *report, void *ctx);

/* A restore that counts damages and ends as the fixture says. */
struct hf_restore backup_fixture_how(struct backup_fixture *f);

hf_err backup_fixture_restore(struct backup_fixture *f, struct hf_restore_report *report);

#endif
