/* write_all.h - writes all of it to a descriptor, whatever write() takes at a time.
 *
 * Time:    as long as the descriptor takes.
 * Errors:  false, and errno says why; a part may have been written. */

#ifndef HF_CORE_WRITE_ALL_H
#define HF_CORE_WRITE_ALL_H

#include <holdfast/bytes.h>
#include <stdbool.h>

bool hf_write_all(int fd, struct hf_bytes bytes);

#endif
