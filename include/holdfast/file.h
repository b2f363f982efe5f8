/* file.h - the files that requests result in, remembered by where they are or by content.
 *
 *     struct hf_files *files;
 *     err = hf_files_open(client, NULL, &files, &error);
 *
 *     err = hf_file_refer(files, NULL, key, "/srv/out/42.pdf", NULL, &error);
 *     if (hf_file_find(files, NULL, key, &file, NULL) == HF_OK) {
 *         serve(hf_file_path(file));               it is there, and is what it was
 *         hf_file_release(file);
 *     }
 *
 *     err = hf_file_store(files, NULL, key, "/tmp/42.pdf", NULL, &error);
 *     err = hf_file_fetch(files, NULL, key, "/srv/in/42.pdf", &error);       on any host
 *
 * By reference the cache holds path, size, modification time in ns, if asked for the SHA-256
 * of the content, and the place the path is valid in: this host, or a shared root that many
 * hosts have mounted. Finding looks at the file: when it is missing or is no longer what it
 * was, the entry is deleted and it is a miss. A reference to another host, or into a root
 * that is not here, is a miss and stays.
 *
 * By content the cache holds the bytes, as a large value (stream.h). Fetching writes them
 * beside the target and renames, so that the target is the old file or the whole new one.
 *
 * Entries lie under a key prefix of their own; a key has one of either kind.
 *
 * Threads:  any number share one. Between the look at a file and its use, somebody may change
 *           it; open what was found at once.
 * Memory:   bounded: one chunk of 1 MiB or two.
 * Time:     the timeout of the call bounds what is asked of Redis, by step; not reading,
 *           writing and hashing files.
 * Errors:   those of cache.h and stream.h; HF_E_INVALID for what is no regular file,
 *           HF_E_SYSTEM for one that cannot be opened, read or written, or that changes
 *           meanwhile. Unprintable bytes of a path are shown as '?'. `error` may be NULL. */

#ifndef HOLDFAST_FILE_H
#define HOLDFAST_FILE_H

#include <holdfast/cache.h>

HF_BEGIN_DECLS

enum {
    HF_FILE_PATH_MAX = 4096,
    HF_FILE_METADATA_MAX = 4096, /* Bytes. */
    HF_FILE_ROOTS_MAX = 8,
    HF_FILE_SHA256_SIZE = 32,
};

struct hf_files;
struct hf_file;

/* A folder that several hosts share. */
struct hf_file_root {
    const char *name; /* The same on all of them: at most 64 letters, digits, '-' and '_'. */
    const char *path; /* Where it is mounted on this one. */
};

/* Zero-initialised means the defaults. */
struct hf_files_options {
    const char *key_prefix; /* NULL: the client's option and "/files". */
    hf_duration default_ttl;
    const char *host; /* Who this host is, as a root's name. NULL: from /etc/machine-id,
                       * hashed; containers may need their own, or none two alike. */
    const struct hf_file_root *roots;
    size_t                     root_count;
    hf_duration clean_interval; /* How often orphans are deleted in the background,
                                 * at least 1 s; 0: never. */
};

/* options NULL: all defaults; they are copied. The client must outlive it. HF_E_INVALID for a
 * bad name or root, HF_E_RANGE, HF_E_SYSTEM when there is neither host nor machine id. */
HF_API HF_NODISCARD hf_err hf_files_open(struct hf_client              *client,
                                         const struct hf_files_options *options,
                                         struct hf_files **files, struct hf_error *error);

/* When no thread is in a call on it. NULL is fine. */
HF_API void hf_files_close(struct hf_files *files);

/* Zero-initialised means the defaults. */
struct hf_file_how {
    hf_duration ttl;           /* 0: the default. */
    bool        check_content; /* Keep the SHA-256, and compare it at each find: about 1 ms
                                * per MiB. Without, size and time must do. */
    struct hf_bytes metadata;  /* Of the application, given back with the file. */
};

/* Remembers where a file is. Links are resolved. */
HF_API HF_NODISCARD hf_err hf_file_refer(struct hf_files *files, const struct hf_call *call,
                                         struct hf_bytes key, const char *path,
                                         const struct hf_file_how *how,
                                         struct hf_error          *error);

/* HF_OK: *file is there and is what it was; to be released. HF_E_TYPE for an entry that holds
 * a content. */
HF_API HF_NODISCARD hf_err hf_file_find(struct hf_files *files, const struct hf_call *call,
                                        struct hf_bytes key, struct hf_file **file,
                                        struct hf_error *error);

/* As it is on this host; absolute. */
HF_API const char     *hf_file_path(const struct hf_file *file);
HF_API uint64_t        hf_file_size(const struct hf_file *file);
HF_API int64_t         hf_file_mtime_ns(const struct hf_file *file);
HF_API struct hf_bytes hf_file_metadata(const struct hf_file *file);

/* NULL is fine. */
HF_API void hf_file_release(struct hf_file *file);

/* Stores the content of a file and its permission bits. Of how, only the TTL is used. */
HF_API HF_NODISCARD hf_err hf_file_store(struct hf_files *files, const struct hf_call *call,
                                         struct hf_bytes key, const char *path,
                                         const struct hf_file_how *how,
                                         struct hf_error          *error);

/* Writes the content to path, replacing what is there in one step; the folder must exist.
 * After anything but HF_OK path is as it was, and nothing is left beside it, unless the
 * process was killed. HF_E_TYPE for an entry that is a reference. */
HF_API HF_NODISCARD hf_err hf_file_fetch(struct hf_files *files, const struct hf_call *call,
                                         struct hf_bytes key, const char *path,
                                         struct hf_error *error);

/* Deletes the entry, never a file. As hf_cache_delete(). */
HF_API HF_NODISCARD hf_err hf_file_delete(struct hf_files *files, const struct hf_call *call,
                                          struct hf_bytes key, struct hf_error *error);

/* What a clean-up has done. */
struct hf_files_cleaned {
    uint64_t references; /* Of this host and its roots, looked at. */
    uint64_t deleted;    /* Whose file was missing or had changed. */
};

/* Deletes the references whose files are gone: those of this host, and of the roots that are
 * here. A root that is missing or empty counts as not mounted, and nothing of it is touched.
 * Looks at each entry in turn, by SCAN. cleaned is counted up, and may be NULL. */
HF_API HF_NODISCARD hf_err hf_files_clean(struct hf_files *files, const struct hf_call *call,
                                          struct hf_files_cleaned *cleaned,
                                          struct hf_error         *error);

HF_END_DECLS

#endif
