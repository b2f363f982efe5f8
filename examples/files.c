/* Remembers the file that a request resulted in: by where it is, and by its content. */

#include <holdfast/holdfast.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void render(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (!file) exit(1);
    fputs(text, file);
    fclose(file);
}

static void find(struct hf_files *files)
{
    struct hf_error error;
    struct hf_file *file;
    const hf_err    err = hf_file_find(files, NULL, hf_str("report:42"), &file, &error);
    if (err) {
        printf("find: %s\n", hf_err_text(err));
        return;
    }
    const struct hf_bytes metadata = hf_file_metadata(file);
    printf("find: %llu bytes, %.*s\n", (unsigned long long)hf_file_size(file),
           (int)metadata.size, (const char *)metadata.data);
    hf_file_release(file);
}

int main(void)
{
    const struct hf_files_options here = { .host = "worker-1",
                                           .clean_interval = hf_seconds(60) };
    const struct hf_file_how      how = { .ttl = hf_seconds(3600),
                                          .metadata = hf_str("type=pdf") };
    const struct hf_bytes         key = hf_str("report:42"), copy = hf_str("copy:42");
    struct hf_options            *options;
    struct hf_client             *client;
    struct hf_files              *files;
    struct hf_error               error = { 0 };
    char                          path[] = "/tmp/holdfast-example-XXXXXX";
    if (close(mkstemp(path)) || hf_options_open(&options) ||
        hf_options_set(options, "url", "embedded:", NULL) ||
        hf_client_open(options, &client, NULL) || hf_files_open(client, &here, &files, NULL))
        return 1;

    /* By reference: the cache knows where the file is, and looks whether it still is. */
    render(path, "page one");
    if (hf_file_refer(files, NULL, key, path, &how, &error)) puts(error.detail);
    find(files);
    render(path, "another page one");
    find(files);

    /* By content: the cache has the bytes, and any host can have the file. */
    if (hf_file_store(files, NULL, copy, path, &how, &error)) puts(error.detail);
    unlink(path);
    if (hf_file_fetch(files, NULL, copy, path, &error)) puts(error.detail);
    printf("fetched: %s\n", access(path, R_OK) == 0 ? "yes" : "no");

    unlink(path);
    hf_files_close(files);
    hf_client_close(client);
    hf_options_close(options);
    return 0;
}
