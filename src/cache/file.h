/* file.h - the files of a client as their own sources see them.
 *
 *     file.c          opening, references
 *     file_content.c  contents
 *     file_clean.c    orphans, by call and in the background
 *
 * Threads:  what is not atomic or in `guarded` is read-only after open. */

#ifndef HF_CACHE_FILE_H
#define HF_CACHE_FILE_H

#include "cache/cache.h"
#include "cache/file_place.h"

#include <pthread.h>
#include <sys/stat.h>

struct hf_files {
    struct hf_cache      *cache; /* Of its own. */
    struct hf_file_places places;
    hf_duration           clean_interval; /* 0: never. */
    pid_t                 pid;            /* Of the process whose thread it is. */
    pthread_t             cleaner;        /* With an interval. */
    pthread_mutex_t       lock;
    pthread_cond_t        news;
    struct {
        bool is_stopping;
    } guarded;
};

enum { HF_FILE_SHOWN = 160 };

/* A path in one line of printable text. */
const char *hf_file_shown(const char *path, char text[HF_FILE_SHOWN]);

/* Opens a regular file for reading, never waiting for it. */
HF_NODISCARD hf_err hf_file_open(const char *path, int *fd, struct stat *now,
                                 struct hf_error *error);

int64_t hf_file_time(const struct stat *s);

/* Whether the file at path is what the reference says. HF_MISS when it is not there or not
 * the same; an error when that cannot be told. */
HF_NODISCARD hf_err hf_file_check(const struct hf_files *files, const char *path,
                                  const struct hf_file_ref *ref);

hf_err hf_files_start_cleaner(struct hf_files *files);
void   hf_files_stop_cleaner(struct hf_files *files);

#endif
