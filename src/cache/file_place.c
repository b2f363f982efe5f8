#include "cache/file_place.h"

#include "core/alloc.h"
#include "core/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { HOST_BYTES = 16, ID_MAX = 64 };

/* The machine id is confidential, machine-id(5): what is derived from it for an application
 * does not tell it. */
static hf_err read_host(char host[HF_FILE_PLACE_MAX + 1], struct hf_error *error)
{
    static const char salt[] = "holdfast file entries:";
    char              text[sizeof salt + ID_MAX];
    unsigned char     digest[EVP_MAX_MD_SIZE];
    unsigned          digest_size;
    const int         fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
    memcpy(text, salt, sizeof salt - 1);
    const ssize_t got = fd < 0 ? -1 : read(fd, text + sizeof salt - 1, ID_MAX);
    if (fd >= 0) close(fd);
    if (got < 32) {
        return hf_fail(error, HF_E_SYSTEM, "no /etc/machine-id: the option host is needed");
    }
    const size_t size = sizeof salt - 1 + 32;
    if (!EVP_Digest(text, size, digest, &digest_size, EVP_sha256(), NULL)) {
        return hf_fail(error, HF_E_NOMEM, "SHA-256");
    }
    for (size_t i = 0; i < HOST_BYTES; i++) snprintf(host + 2 * i, 3, "%02x", digest[i]);
    return HF_OK;
}

static hf_err add_root(struct hf_file_places *p, const struct hf_file_root *root,
                       struct hf_error *error)
{
    const struct hf_bytes name = root->name ? hf_str(root->name) : hf_bytes(NULL, 0);
    if (!hf_file_place_is_valid(name) || !root->path || root->path[0] != '/') {
        return hf_fail(
            error, HF_E_INVALID,
            "a root needs a name of letters, digits, - and _, and an absolute path");
    }
    char         resolved[PATH_MAX];
    const char  *path = realpath(root->path, resolved) ? resolved : root->path;
    const size_t size = strlen(path);
    if (size >= HF_FILE_PATH_MAX || size < 2) {
        return hf_fail(error, HF_E_INVALID, "root %s: path of %zu bytes", root->name, size);
    }
    char *copy = hf_copy_text(p->allocator, path, size);
    if (!copy) return hf_fail(error, HF_E_NOMEM, "roots");
    if (copy[size - 1] == '/') copy[size - 1] = '\0';
    memcpy(p->roots[p->root_count].name, name.data, name.size);
    p->roots[p->root_count++].path = copy;
    return HF_OK;
}

hf_err hf_file_places_init(struct hf_file_places *p, const struct hf_allocator *a,
                           const char *host, const struct hf_file_root *roots,
                           size_t root_count, struct hf_error *error)
{
    *p = (struct hf_file_places){ .allocator = a };
    if (root_count > HF_FILE_ROOTS_MAX) {
        return hf_fail(error, HF_E_INVALID, "at most %d roots", HF_FILE_ROOTS_MAX);
    }
    if (host && !hf_file_place_is_valid(hf_str(host))) {
        return hf_fail(error, HF_E_INVALID, "host: 1 to %d letters, digits, - and _",
                       HF_FILE_PLACE_MAX);
    }
    hf_err err = HF_OK;
    if (host) {
        memcpy(p->host, host, strlen(host));
    } else {
        err = read_host(p->host, error);
    }
    for (size_t i = 0; i < root_count && !err; i++) err = add_root(p, &roots[i], error);
    if (err) hf_file_places_deinit(p);
    return err;
}

void hf_file_places_deinit(struct hf_file_places *p)
{
    for (size_t i = 0; i < p->root_count; i++) hf_free(p->allocator, p->roots[i].path);
    p->root_count = 0;
}

void hf_file_place_of(const struct hf_file_places *p, const char *resolved,
                      struct hf_file_ref *ref)
{
    ref->is_shared = false;
    ref->place = hf_str(p->host);
    ref->path = hf_str(resolved);
    for (size_t i = 0; i < p->root_count; i++) {
        const size_t size = strlen(p->roots[i].path);
        if (strncmp(resolved, p->roots[i].path, size) != 0 || resolved[size] != '/') continue;
        ref->is_shared = true;
        ref->place = hf_str(p->roots[i].name);
        ref->path = hf_str(resolved + size + 1);
        return;
    }
}

static bool is_mounted(const char *root)
{
    DIR *folder = opendir(root);
    if (!folder) return false;

    int entries = 0;
    while (entries <= 2 && readdir(folder)) entries++;
    closedir(folder);
    return entries > 2; /* More than itself and its parent. */
}

static bool is_named(struct hf_bytes place, const char *name)
{
    return place.size == strlen(name) && memcmp(place.data, name, place.size) == 0;
}

bool hf_file_place_locate(const struct hf_file_places *p, const struct hf_file_ref *ref,
                          char path[2 * HF_FILE_PATH_MAX])
{
    const char *root = NULL;
    if (!ref->is_shared) {
        if (!is_named(ref->place, p->host)) return false;
        snprintf(path, 2 * HF_FILE_PATH_MAX, "%.*s", (int)ref->path.size,
                 (const char *)ref->path.data);
        return true;
    }
    for (size_t i = 0; i < p->root_count && !root; i++) {
        if (is_named(ref->place, p->roots[i].name)) root = p->roots[i].path;
    }
    if (!root || !is_mounted(root)) return false;
    snprintf(path, 2 * HF_FILE_PATH_MAX, "%s/%.*s", root, (int)ref->path.size,
             (const char *)ref->path.data);
    return true;
}
