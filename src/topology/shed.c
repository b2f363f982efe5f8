#include "topology/shed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LARGE = 1 << 20, LINE_MAX_SIZE = 512 };

/* Reads hexadecimal digits and moves past them and the character that ends them. */
static uintptr_t take_hex(const char **text)
{
    uintptr_t number = 0;
    for (; **text != '\0'; (*text)++) {
        const char c = **text;
        if (c >= '0' && c <= '9') {
            number = number << 4 | (uintptr_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            number = number << 4 | (uintptr_t)(c - 'a' + 10);
        } else {
            break;
        }
    }
    if (**text != '\0') (*text)++;
    return number;
}

static bool holds(uintptr_t start, uintptr_t end, const void *address)
{
    return start <= (uintptr_t)address && (uintptr_t)address < end;
}

/* "start-end rw-p offset device inode path": only what has no file, inode 0, is shed. */
static void shed_line(const char *line)
{
    const uintptr_t start = take_hex(&line);
    const uintptr_t end = take_hex(&line);
    if (end - start < LARGE || strncmp(line, "rw-p ", 5) != 0) return;
    if (!strstr(line, " 00:00 0") || strstr(line, "[stack]")) return;
    if (holds(start, end, &line) || holds(start, end, &errno)) return;

    void *block;
    memcpy(&block, &start, sizeof block);
    madvise(block, end - start, MADV_DONTNEED);
}

/* Shedding does not change the list of mappings, so it may be read on meanwhile. */
static void shed_all(int maps)
{
    char    line[LINE_MAX_SIZE];
    char    block[1024];
    size_t  length = 0;
    ssize_t size;
    while ((size = read(maps, block, sizeof block)) > 0) {
        for (ssize_t i = 0; i < size; i++) {
            if (block[i] != '\n') {
                if (length < sizeof line - 1) line[length++] = block[i];
                continue;
            }
            line[length] = '\0';
            shed_line(line);
            length = 0;
        }
    }
}

void hf_shed_memory(void)
{
    if (!HF_SHEDS_MEMORY) return;
    const int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (maps < 0) return;
    shed_all(maps);
    close(maps);
}
