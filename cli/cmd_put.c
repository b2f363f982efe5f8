#include "connection.h"
#include "json.h"
#include "progress.h"
#include "quantity.h"
#include "tags.h"

#include <errno.h>
#include <fcntl.h>
#include <holdfast/stream.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TTL, TAG }; /* In the order of the command's flags. */
enum { BLOCK = 64 * 1024 };

/* EXIT_USAGE when the file cannot be read. */
static enum exit_status copy(struct connection *c, struct hf_writer *writer, int fd,
                             struct progress *bar)
{
    char block[BLOCK];
    for (;;) {
        const ssize_t got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            complain("%s: %s", c->inv->args[1], strerror(errno));
            return EXIT_USAGE;
        }
        struct stat s;
        if (got == 0 && fstat(fd, &s) == 0 && (uint64_t)s.st_size < bar->whole) {
            complain("%s: shrank while it was read", c->inv->args[1]);
            return EXIT_USAGE;
        }
        hf_err err = got ? hf_writer_write(writer, hf_bytes(block, (size_t)got), &c->error)
                         : hf_writer_commit(writer, &c->error);
        if (err) return connection_fail(c, err);
        if (got == 0) return EXIT_OK;
        progress_add(bar, (uint64_t)got);
    }
}

static enum exit_status put(struct connection *c, int fd, struct hf_set how)
{
    const struct hf_bytes key = hf_str(c->inv->args[0]);
    struct hf_writer     *writer;
    struct progress       bar;
    struct stat           s;
    if (how.ttl.ns == 0) how.ttl = hf_cache_default_ttl(c->cache);
    const hf_err err = hf_writer_open(c->cache, NULL, key, &how, &writer, &c->error);
    if (err) return connection_fail(c, err);

    progress_begin(&bar, fstat(fd, &s) == 0 && S_ISREG(s.st_mode) ? (uint64_t)s.st_size : 0);
    const enum exit_status status = copy(c, writer, fd, &bar);
    progress_end(&bar);
    hf_writer_close(writer);
    if (status != EXIT_OK) return status;
    if (c->inv->json) {
        json_begin();
        json_bytes("key", key);
        json_bool("stored", true);
        json_count("size", bar.done);
        json_end();
    } else {
        puts("stored");
    }
    return EXIT_OK;
}

enum exit_status run_put(const struct invocation *inv)
{
    struct hf_set     how = { 0 };
    struct tags       tags;
    struct connection c;
    const char       *path = inv->args[1];
    if (!quantity_ttl("--ttl", inv->values[TTL], &how.ttl) ||
        !tags_read(inv->values[TAG], &tags))
        return EXIT_USAGE;
    how.tags = tags.names;
    how.tag_count = tags.count;
    const int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        complain("%s: %s", path, strerror(errno));
        return EXIT_USAGE;
    }
    enum exit_status status = connection_open(&c, inv);
    if (status == EXIT_OK) status = put(&c, fd, how);
    connection_close(&c);
    if (fd != STDIN_FILENO) close(fd);
    return status;
}
