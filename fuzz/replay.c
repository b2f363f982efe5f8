/* Runs a fuzz target over a corpus without libFuzzer: replay FOLDER... Each input is given
 * whole and cut short at a few places, in memory of exactly its size. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_SIZE_MAX = 1 << 20, CUTS = 4 };

static void run_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) abort();
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

/* False when the file cannot be read. */
static int run_file(const char *folder, const char *name)
{
    static uint8_t data[INPUT_SIZE_MAX];
    char           path[4096];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    const size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    for (size_t cut = 1; cut <= CUTS; cut++) run_copy(data, size * cut / CUTS);
    return 1;
}

static int run_folder(const char *folder)
{
    int  inputs = 0;
    DIR *dir = opendir(folder);
    if (!dir) return 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] != '.') inputs += run_file(folder, entry->d_name);
    }
    closedir(dir);
    return inputs;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const int inputs = run_folder(argv[i]);
        printf("%s: %d inputs\n", argv[i], inputs);
        if (inputs == 0) return 1;
    }
    return 0;
}
