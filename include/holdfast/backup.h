/* backup.h - the entries of a cache in a file, and back again, while the application runs.
 *
 *     struct hf_backup_report done = { 0 };
 *     err = hf_cache_backup(cache, NULL, NULL, "cache.hfb", &done, &error);
 *
 *     struct hf_restore_report back = { 0 };
 *     err = hf_cache_restore(cache, NULL, NULL, "cache.hfb", &back, &error);
 *
 * Entries are kept as they are in Redis, compressed ones compressed and sealed ones sealed,
 * each with the moment at which it expires; one that has expired by then is not restored. An
 * entry that is in the cache already stays if it is as new or newer. The file has checksums
 * throughout: of a damaged or cut one, what is whole can be restored, and the places where it
 * is not are told.
 *
 * Entries are bound to the namespace token of their cache (cache.h). A restore into a server
 * that has none, as after the loss of its data, takes over that of the backup; into one that
 * has another it binds the entries anew. Sealed ones that go to another prefix cannot be, and
 * are counted as bound.
 *
 * The versions of tags are not in it: an entry with tags hits again only where Redis still
 * has the versions it was stored under, so that nothing comes back that was invalidated.
 *
 * Values kept in chunks are left out and counted: in half they would be none.
 *
 * Threads:  any; callbacks come in the caller's thread, never under a lock.
 * Memory:   a few hundred KiB, or one value.
 * Time:     the call's timeout bounds each step. Expiry goes by the wall clock of the machine
 *           that made the backup and of the one that restores it.
 * Errors:   HF_E_SYSTEM for the file, HF_E_INVALID for what is no whole backup; HF_MISS when
 *           progress said to end; those of the client. On one server only: not on a cluster.
 */

#ifndef HOLDFAST_BACKUP_H
#define HOLDFAST_BACKUP_H

#include <holdfast/cache.h>

HF_BEGIN_DECLS

struct hf_backup_report {
    uint64_t entries;
    uint64_t skipped; /* Keys that hold no live entry, or one in chunks. */
    uint64_t bytes;   /* Of the file. */
    uint64_t keys;    /* Of the database when it began, for a bar. */
    bool     resumed; /* An unfinished file was gone on with. */
};

/* Called after each step; false ends it there. */
typedef bool (*hf_backup_fn)(const struct hf_backup_report *report, void *ctx);

/* Zero-initialised means the defaults. */
struct hf_backup {
    uint32_t     rate;     /* Most entries a second; 0: no limit. */
    bool         resume;   /* Go on with what an earlier run left. */
    hf_backup_fn progress; /* May be NULL. */
    void        *ctx;
};

/* Writes <path>.partial, readable by its owner only, and when all is on the disk renames it
 * to path; a path that is there and no file (a device, a pipe) is HF_E_INVALID. What is
 * stored or deleted meanwhile may be in it or not.
 *
 * When it fails or is ended, <path>.partial stays. With resume the next run goes on there, if
 * it is of this cache and the server was not restarted since; else it begins anew. */
HF_API HF_NODISCARD hf_err hf_cache_backup(struct hf_cache *cache, const struct hf_call *call,
                                           const struct hf_backup *how, const char *path,
                                           struct hf_backup_report *report,
                                           struct hf_error         *error);

/* A stretch of the file that cannot be used. */
struct hf_backup_damage {
    uint64_t    offset;
    uint64_t    size;
    const char *what;
};

typedef void (*hf_backup_damage_fn)(const struct hf_backup_damage *damage, void *ctx);

/* Zero-initialised to begin with; kept as it is to go on with. An offset behind the end of
 * the file is HF_E_RANGE. */
struct hf_restore_report {
    uint64_t offset;     /* Up to here the file is done with. */
    uint64_t size;       /* Of the file. */
    int64_t  created_ms; /* Unix time of the backup. */
    uint64_t entries;    /* Whole ones in the file. */
    uint64_t restored;
    uint64_t kept;    /* Not overwritten: what was there is as new or newer. */
    uint64_t expired; /* Since the backup. */
    uint64_t bound;   /* Sealed for another namespace. */
    uint64_t failed;  /* Refused by the server or by the limits of this cache. */
    uint64_t damages; /* Places that are damaged. */
};

typedef bool (*hf_restore_fn)(const struct hf_restore_report *report, void *ctx);

/* Zero-initialised means the defaults. */
struct hf_restore {
    uint32_t            rate;          /* Most entries a second; 0: no limit. */
    bool                overwrite;     /* Newer entries too. */
    bool                any_namespace; /* From a cache of another prefix or version. */
    hf_backup_damage_fn damage;        /* May be NULL. */
    hf_restore_fn       progress;      /* Called after each block; may be NULL. */
    void               *ctx;
};

/* Restores what is whole. HF_E_INVALID at the end when something was not, and at once for
 * what is no backup or one of another prefix or version. Called again with the same *report
 * it goes on where it stopped. */
HF_API HF_NODISCARD hf_err hf_cache_restore(struct hf_cache         *cache,
                                            const struct hf_call    *call,
                                            const struct hf_restore *how, const char *path,
                                            struct hf_restore_report *report,
                                            struct hf_error          *error);

/* Reads all of a backup and restores nothing. Only damage, progress and ctx of how are looked
 * at; it may be NULL. HF_OK when the file is whole, else as hf_cache_restore(). */
HF_API HF_NODISCARD hf_err hf_backup_verify(const struct hf_restore *how, const char *path,
                                            struct hf_restore_report *report,
                                            struct hf_error          *error);

HF_END_DECLS

#endif
