/* backup_input.h - a backup in a file, to be read.
 *
 * The file is read and never mapped: one that shrinks meanwhile is an error, not a signal.
 *
 * Threads:  none; the owner serialises. */

#ifndef HF_CACHE_BACKUP_INPUT_H
#define HF_CACHE_BACKUP_INPUT_H

#include "cache/backup_reader.h"

/* HF_E_SYSTEM, and HF_E_INVALID for what is no file. On HF_OK *fd is to be closed, and must
 * stay where it is until then. */
HF_NODISCARD hf_err hf_backup_input_open(const char *path, int *fd,
                                         struct hf_backup_input *input,
                                         struct hf_error        *error);

/* The same for a file that is open. */
HF_NODISCARD hf_err hf_backup_input_of(int *fd, struct hf_backup_input *input);

#endif
