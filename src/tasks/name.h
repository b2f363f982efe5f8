/* name.h - what ids, types, owners and texts of tasks may be made of.
 *
 * Threads:  any; pure, but for the generator of ids.
 * Errors:   HF_E_INVALID, with a detail that names `what`; never the text itself. */

#ifndef HF_TASKS_NAME_H
#define HF_TASKS_NAME_H

#include <holdfast/tasks.h>

/* Letters, digits and . _ : - only; 1 to max bytes. NULL is none. */
HF_NODISCARD hf_err hf_task_check_id(const char *text, size_t max, const char *what,
                                     struct hf_error *error);

/* Printable ASCII without spaces; 1 to HF_TASK_NAME_MAX bytes. NULL is fine. */
HF_NODISCARD hf_err hf_task_check_name(const char *text, const char *what,
                                       struct hf_error *error);

/* 128 random bits in hexadecimal. HF_E_SYSTEM when the system has none to give. */
HF_NODISCARD hf_err hf_task_make_id(char id[HF_TASK_ID_MAX + 1], struct hf_error *error);

/* One line of at most HF_TASK_TEXT_MAX bytes: control characters become spaces, and a text
 * that is cut is so between characters of UTF-8. Returns its size; no NUL is added. */
size_t hf_task_line(struct hf_bytes text, char line[HF_TASK_TEXT_MAX]);

#endif
