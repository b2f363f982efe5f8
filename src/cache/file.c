#include "cache/file.h"

#include "client/client.h"
#include "core/alloc.h"
#include "core/cancel.h"
#include "core/error.h"
#include "core/file_digest.h"
#include "core/options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct hf_file {
    const struct hf_allocator *allocator;
    uint64_t                   size;
    int64_t                    mtime_ns;
    size_t                     metadata_size;
    char                      *path; /* Behind the metadata. */
    char                       bytes[];
};

/* ---- Opening ------------------------------------------------------------------- */

static hf_err open_cache(struct hf_files *f, struct hf_client *client,
                         const struct hf_files_options *options, struct hf_error *error)
{
    char                    prefix[HF_KEY_PREFIX_MAX + 8];
    struct hf_cache_options with = { .key_prefix = options->key_prefix,
                                     .default_ttl = options->default_ttl };
    if (!with.key_prefix) {
        snprintf(prefix, sizeof prefix, "%s/files", hf_client_options(client)->key_prefix);
        with.key_prefix = prefix;
    }
    return hf_cache_open(client, &with, &f->cache, error);
}

hf_err hf_files_open(struct hf_client *client, const struct hf_files_options *options,
                     struct hf_files **files, struct hf_error *error)
{
    static const struct hf_files_options defaults = { 0 };
    const struct hf_allocator           *a = hf_client_allocator(client);
    if (!options) options = &defaults;
    if (options->clean_interval.ns && options->clean_interval.ns < hf_seconds(1).ns) {
        return hf_fail(error, HF_E_RANGE, "clean_interval: at least 1 s");
    }
    struct hf_files *f = hf_alloc_zero(a, 1, sizeof *f);
    if (!f) return hf_fail(error, HF_E_NOMEM, "files");
    f->clean_interval = options->clean_interval;
    hf_err err = hf_file_places_init(&f->places, a, options->host, options->roots,
                                     options->root_count, error);
    if (err) goto no_places;
    err = open_cache(f, client, options, error);
    if (err) goto no_cache;
    err = hf_files_start_cleaner(f);
    if (err) {
        hf_fail(error, err, "files: no thread");
        goto no_cleaner;
    }
    *files = f;
    return HF_OK;

no_cleaner:
    hf_cache_close(f->cache);
no_cache:
    hf_file_places_deinit(&f->places);
no_places:
    hf_free(a, f);
    return err;
}

void hf_files_close(struct hf_files *f)
{
    if (!f) return;
    const struct hf_allocator *a = f->cache->allocator;
    hf_files_stop_cleaner(f);
    hf_cache_close(f->cache);
    hf_file_places_deinit(&f->places);
    hf_free(a, f);
}

/* ---- Files on disk ------------------------------------------------------------- */

const char *hf_file_shown(const char *path, char text[HF_FILE_SHOWN])
{
    size_t size = 0;
    for (; path[size] && size < HF_FILE_SHOWN - 1; size++) {
        const unsigned char c = (unsigned char)path[size];
        text[size] = c < 0x20 || c == 0x7f ? '?' : path[size];
    }
    text[size] = '\0';
    return text;
}

int64_t hf_file_time(const struct stat *s)
{
    return (int64_t)s->st_mtim.tv_sec * 1000000000 + s->st_mtim.tv_nsec;
}

hf_err hf_file_open(const char *path, int *fd, struct stat *now, struct hf_error *error)
{
    char      text[HF_FILE_SHOWN];
    const int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (opened < 0 || fstat(opened, now)) {
        const int reason = errno;
        if (opened >= 0) close(opened);
        return hf_fail(error, HF_E_SYSTEM, "%s: %s", hf_file_shown(path, text),
                       strerror(reason));
    }
    if (!S_ISREG(now->st_mode)) {
        close(opened);
        return hf_fail(error, HF_E_INVALID, "%s: not a regular file",
                       hf_file_shown(path, text));
    }
    *fd = opened;
    return HF_OK;
}

hf_err hf_file_check(const struct hf_files *files, const char *path,
                     const struct hf_file_ref *ref)
{
    struct hf_file_digest digest;
    struct stat           now;
    if (stat(path, &now)) return errno == ENOENT || errno == ENOTDIR ? HF_MISS : HF_E_SYSTEM;
    if (!S_ISREG(now.st_mode) || (uint64_t)now.st_size != ref->size ||
        hf_file_time(&now) != ref->mtime_ns) {
        return HF_MISS;
    }
    if (!ref->has_sha256) return HF_OK;
    const hf_err err = hf_file_digest(files->cache->allocator, path, &digest, NULL);
    if (err) return err;
    return memcmp(digest.sha256, ref->sha256, sizeof ref->sha256) ? HF_MISS : HF_OK;
}

/* ---- References ---------------------------------------------------------------- */

static hf_err describe(struct hf_files *f, const char *path, const struct hf_file_how *how,
                       struct hf_file_ref *ref, struct hf_error *error)
{
    struct hf_file_digest digest;
    struct stat           now, after;
    char                  text[HF_FILE_SHOWN];
    int                   fd;
    hf_err                err = hf_file_open(path, &fd, &now, error);
    if (err) return err;
    if (how->check_content) {
        err = hf_file_digest(f->cache->allocator, path, &digest, error);
        if (!err) memcpy(ref->sha256, digest.sha256, sizeof ref->sha256);
    }
    /* What was hashed is what was opened before, and it has not changed since. */
    if (!err &&
        (stat(path, &after) || after.st_ino != now.st_ino || after.st_dev != now.st_dev ||
         after.st_size != now.st_size || hf_file_time(&after) != hf_file_time(&now))) {
        err = hf_fail(error, HF_E_SYSTEM, "%s: changed meanwhile", hf_file_shown(path, text));
    }
    close(fd);
    ref->has_sha256 = how->check_content;
    ref->size = (uint64_t)now.st_size;
    ref->mtime_ns = hf_file_time(&now);
    ref->metadata = how->metadata;
    return err;
}

static hf_err file_refer(struct hf_files *f, const struct hf_call *call, struct hf_bytes key,
                         const char *path, const struct hf_file_how *how,
                         struct hf_error *error)
{
    static const struct hf_file_how defaults = { 0 };
    unsigned char                   bytes[HF_FILE_REF_MAX];
    char                            resolved[PATH_MAX], text[HF_FILE_SHOWN];
    struct hf_file_ref              ref = { 0 };
    if (!how) how = &defaults;
    if (how->metadata.size > HF_FILE_METADATA_MAX) {
        return hf_fail(error, HF_E_TOO_LARGE, "file: metadata of %zu bytes, at most %d",
                       how->metadata.size, HF_FILE_METADATA_MAX);
    }
    if (!realpath(path, resolved)) {
        return hf_fail(error, HF_E_SYSTEM, "%s: %s", hf_file_shown(path, text),
                       strerror(errno));
    }
    const hf_err err = describe(f, resolved, how, &ref, error);
    if (err) return err;

    hf_file_place_of(&f->places, resolved, &ref);
    const struct hf_set set = { .ttl = how->ttl.ns ? how->ttl
                                                   : hf_cache_default_ttl(f->cache) };
    const size_t        size = hf_file_ref_encode(&ref, bytes);
    return hf_cache_set(f->cache, call, key, hf_bytes(bytes, size), &set, error);
}

hf_err hf_file_refer(struct hf_files *f, const struct hf_call *call, struct hf_bytes key,
                     const char *path, const struct hf_file_how *how, struct hf_error *error)
{
    const int    cancels = hf_cancel_defer(); /* Files are open. */
    const hf_err err = file_refer(f, call, key, path, how, error);
    hf_cancel_restore(cancels);
    return err;
}

static hf_err make_file(const struct hf_files *f, const struct hf_file_ref *ref,
                        const char *path, struct hf_file **file)
{
    const size_t    path_size = strlen(path) + 1;
    struct hf_file *made = hf_alloc(f->cache->allocator,
                                    sizeof *made + ref->metadata.size + path_size);
    if (!made) return HF_E_NOMEM;
    *made = (struct hf_file){
        .allocator = f->cache->allocator,
        .size = ref->size,
        .mtime_ns = ref->mtime_ns,
        .metadata_size = ref->metadata.size,
    };
    if (ref->metadata.size) memcpy(made->bytes, ref->metadata.data, ref->metadata.size);
    made->path = made->bytes + ref->metadata.size;
    memcpy(made->path, path, path_size);
    *file = made;
    return HF_OK;
}

/* Of an entry that was found; the header tells it from what may replace it. */
static hf_err validate(struct hf_files *f, struct hf_cache_op *op,
                       const unsigned char    header[HF_ENVELOPE_SIZE],
                       const struct hf_value *value, struct hf_file **file)
{
    struct hf_file_ref ref;
    char               path[2 * HF_FILE_PATH_MAX];
    if (hf_value_is_large(value) || !hf_file_ref_decode(hf_value_data(value), &ref)) {
        return hf_fail(op->error, HF_E_TYPE, "not a reference to a file");
    }
    if (!hf_file_place_locate(&f->places, &ref, path)) return HF_MISS;
    hf_err err = hf_file_check(f, path, &ref);
    if (err == HF_MISS) hf_cache_unlink_same(op, header);
    if (err) return HF_MISS; /* One that cannot be read now is of no use now. */
    err = make_file(f, &ref, path, file);
    return err ? hf_fail(op->error, err, "file") : HF_OK;
}

static hf_err file_find(struct hf_files *f, const struct hf_call *call, struct hf_bytes key,
                        struct hf_file **file, struct hf_error *error)
{
    struct hf_cache_op op = { .cache = f->cache,
                              .name = "file find",
                              .latency = HF_LATENCY_CACHE_GET,
                              .error = error };
    unsigned char      header[HF_ENVELOPE_SIZE];
    struct hf_value   *value;
    hf_err             err = hf_cache_op_begin(&op, call, key);
    if (err) return err;

    err = hf_cache_fetch_exact(&op, header, &value);
    if (!err) {
        err = validate(f, &op, header, value, file);
        hf_value_release(value);
    }
    return hf_cache_op_end(&op, hf_cache_count_read(f->cache, err));
}

hf_err hf_file_find(struct hf_files *f, const struct hf_call *call, struct hf_bytes key,
                    struct hf_file **file, struct hf_error *error)
{
    const int    cancels = hf_cancel_defer(); /* Files are open. */
    const hf_err err = file_find(f, call, key, file, error);
    hf_cancel_restore(cancels);
    return err;
}

const char *hf_file_path(const struct hf_file *file)
{
    return file->path;
}

uint64_t hf_file_size(const struct hf_file *file)
{
    return file->size;
}

int64_t hf_file_mtime_ns(const struct hf_file *file)
{
    return file->mtime_ns;
}

struct hf_bytes hf_file_metadata(const struct hf_file *file)
{
    return hf_bytes(file->bytes, file->metadata_size);
}

void hf_file_release(struct hf_file *file)
{
    if (file) hf_free(file->allocator, file);
}
