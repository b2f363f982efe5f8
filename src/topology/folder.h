/* folder.h - removes a folder and everything in it, also from where hardly anything is
 * allowed.
 *
 * Threads:  any; also in the child of a fork in a program with threads: only system calls are
 *           made, no memory is allocated and no lock is taken.
 * Memory:   4 KiB of stack for each of at most HF_FOLDER_DEPTH_MAX levels.
 * Errors:   what cannot be removed stays, and the return value says so. Symbolic links are
 *           removed, never followed; other file systems are not kept out. */

#ifndef HF_TOPOLOGY_FOLDER_H
#define HF_TOPOLOGY_FOLDER_H

#include <stdbool.h>

enum { HF_FOLDER_DEPTH_MAX = 8 };

/* Removes `name` in the folder open as `at` (or AT_FDCWD). True when it is gone, which
 * includes that it never was. */
bool hf_folder_remove(int at, const char *name);

/* Called for one entry of a folder, "." and ".." left out. */
typedef void (*hf_folder_entry_fn)(int folder, const char *name, void *ctx);

/* Calls visit for each entry of the open folder. Entries that visit removes are no trouble.
 */
void hf_folder_each(int folder, hf_folder_entry_fn visit, void *ctx);

#endif
