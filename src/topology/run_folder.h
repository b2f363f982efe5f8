/* run_folder.h - the private folders that embedded servers run in, and the lock of the
 * living.
 *
 *     /tmp/holdfast-run-k3J9xQ/   0700, made by the application
 *         run.lock                locked by the keeper for as long as it lives
 *         redis.sock
 *
 * A folder whose run.lock nobody holds was left by a keeper that was killed; the next keeper
 * sweeps it. Locks are POSIX record locks: they end with the process that took them, and no
 * fork can carry them on.
 *
 * Threads:  any. All but the making is safe in the child of a fork.
 * Errors:   locks answer with an errno. */

#ifndef HF_TOPOLOGY_RUN_FOLDER_H
#define HF_TOPOLOGY_RUN_FOLDER_H

#include <holdfast/error.h>
#include <sys/types.h>

/* Paths are kept short: the path of a unix socket must stay below 108 bytes. */
enum { HF_RUN_FOLDER_MAX = 88, HF_SWEEP_AGE_S = 10 };

#define HF_RUN_LOCK  "run.lock"
#define HF_DATA_LOCK "holdfast.lock" /* In the folder whose data is kept. */

/* Makes a fresh one below $TMPDIR, or below /tmp when that is long or not writable.
 * HF_E_SYSTEM. */
HF_NODISCARD hf_err hf_run_folder_make(char path[HF_RUN_FOLDER_MAX], struct hf_error *error);

/* Locks folder/name, which is made if need be, for this process until it ends or closes any
 * descriptor of the file. Writes the descriptor. 0, EAGAIN when another process holds it,
 * ENOENT when the folder was swept meanwhile, or what went wrong. */
HF_NODISCARD int hf_folder_lock(const char *folder, const char *name, int *lock);

/* The process that holds the lock and is not this one; 0 when none does. */
pid_t hf_folder_lock_holder(const char *folder, const char *name);

/* Removes all run folders beside this one that belong to this user, whose lock nobody holds,
 * and which nobody changed for HF_SWEEP_AGE_S: a fresh one is not locked yet. */
void hf_run_folder_sweep(const char *own);

#endif
