#include "connection.h"
#include "json.h"
#include "progress.h"

#include <errno.h>
#include <holdfast/stream.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum exit_status copy(struct connection *c, struct hf_reader *reader, FILE *out,
                             const char *path)
{
    struct progress bar;
    struct hf_bytes piece;
    hf_err          err;
    int             reason = 0;
    progress_begin(&bar, hf_reader_size(reader));
    do {
        err = hf_reader_next(reader, &piece, &c->error);
        if (err || piece.size == 0) break;
        if (fwrite(piece.data, 1, piece.size, out) != piece.size) reason = errno;
        progress_add(&bar, piece.size);
    } while (!reason);
    if (!err && !reason && fflush(out)) reason = errno;
    progress_end(&bar);
    if (err == HF_MISS) return EXIT_MISS;
    if (err) return connection_fail(c, err);
    if (reason == EPIPE) return EXIT_OK; /* The reader has had enough. */
    if (reason) complain("%s: %s", path, strerror(reason));
    return reason ? EXIT_UNAVAILABLE : EXIT_OK;
}

/* Renaming would take the place of a device or a pipe. */
static bool is_no_file(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && !S_ISREG(s.st_mode);
}

/* Beside the file, and then in its place: what is there stays until all is. */
static enum exit_status copy_to_file(struct connection *c, struct hf_reader *reader,
                                     const char *path)
{
    char *partial;
    if (is_no_file(path)) {
        complain("%s: is not a file; - is standard output", path);
        return EXIT_USAGE;
    }
    if (asprintf(&partial, "%s.partial", path) < 0) return EXIT_UNAVAILABLE;
    FILE *out = fopen(partial, "wxe");
    if (!out) {
        complain("%s: %s", partial, strerror(errno));
        free(partial);
        return EXIT_USAGE;
    }
    enum exit_status status = copy(c, reader, out, partial);
    if (status == EXIT_OK && fsync(fileno(out))) {
        complain("%s: %s", partial, strerror(errno));
        status = EXIT_UNAVAILABLE;
    }
    fclose(out);
    if (status == EXIT_OK && rename(partial, path)) {
        complain("%s: %s", path, strerror(errno));
        status = EXIT_USAGE;
    }
    if (status != EXIT_OK) remove(partial);
    free(partial);
    return status;
}

/* Where the value itself is what is printed, nothing is told of it. */
static void tell(const struct connection *c, enum exit_status status, uint64_t size)
{
    const bool is_found = status == EXIT_OK;
    if (!c->inv->json || status > EXIT_MISS) return;
    if (is_found && strcmp(c->inv->args[1], "-") == 0) return;
    json_begin();
    json_bytes("key", hf_str(c->inv->args[0]));
    json_bool("found", is_found);
    if (is_found) json_count("size", size);
    json_end();
}

static enum exit_status fetch(struct connection *c)
{
    const char       *path = c->inv->args[1];
    struct hf_reader *reader;
    const hf_err      err = hf_reader_open(c->cache, NULL, hf_str(c->inv->args[0]), &reader,
                                           &c->error);
    if (err == HF_MISS) tell(c, EXIT_MISS, 0);
    if (err) return err == HF_MISS ? EXIT_MISS : connection_fail(c, err);
    const enum exit_status status = strcmp(path, "-") == 0
                                        ? copy(c, reader, stdout, "standard output")
                                        : copy_to_file(c, reader, path);
    tell(c, status, hf_reader_size(reader));
    hf_reader_close(reader);
    return status;
}

enum exit_status run_fetch(const struct invocation *inv)
{
    struct connection c;
    enum exit_status  status = connection_open(&c, inv);
    if (status == EXIT_OK) status = fetch(&c);
    connection_close(&c);
    return status;
}
