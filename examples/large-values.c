/* Streams a value of several megabytes into the cache and out again, without holding it. */

#include <holdfast/holdfast.h>
#include <stdio.h>
#include <string.h>

enum { LINES = 300000 };

static hf_err store(struct hf_cache *cache, struct hf_error *error)
{
    struct hf_writer *writer;
    hf_err err = hf_writer_open(cache, NULL, hf_str("report"), NULL, &writer, error);
    if (err) return err;

    for (int i = 0; i < LINES && !err; i++) {
        char      line[32];
        const int size = snprintf(line, sizeof line, "row %d\n", i);
        err = hf_writer_write(writer, hf_bytes(line, (size_t)size), error);
    }
    if (!err) err = hf_writer_commit(writer, error); /* Until here nobody sees it. */
    hf_writer_close(writer);
    return err;
}

static hf_err count_lines(struct hf_cache *cache, struct hf_error *error)
{
    struct hf_reader *reader;
    struct hf_bytes   piece;
    size_t            lines = 0;
    hf_err            err = hf_reader_open(cache, NULL, hf_str("report"), &reader, error);
    if (err) return err;

    while (!(err = hf_reader_next(reader, &piece, error)) && piece.size) {
        const char *text = piece.data;
        for (size_t i = 0; i < piece.size; i++) lines += text[i] == '\n';
    }
    if (!err) {
        printf("%zu lines in %llu bytes\n", lines,
               (unsigned long long)hf_reader_size(reader));
    }
    hf_reader_close(reader);
    return err; /* HF_MISS: it was replaced or evicted meanwhile; drop what was read. */
}

int main(void)
{
    struct hf_options *options;
    struct hf_client  *client;
    struct hf_cache   *cache;
    struct hf_error    error = { 0 };

    if (hf_options_open(&options) || hf_options_set(options, "url", "embedded:", NULL) ||
        hf_client_open(options, &client, NULL) || hf_cache_open(client, NULL, &cache, NULL))
        return 1;

    hf_err err = store(cache, &error);
    if (!err) err = count_lines(cache, &error);
    if (err) printf("%s: %s\n", hf_err_text(err), error.detail);

    (void)!hf_stream_delete(cache, NULL, hf_str("report"), NULL);
    err = count_lines(cache, &error);
    printf("deleted: %s\n", hf_err_text(err));

    hf_cache_close(cache);
    hf_client_close(client);
    hf_options_close(options);
    return 0;
}
