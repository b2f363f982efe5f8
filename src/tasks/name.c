#include "tasks/name.h"

#include "core/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

hf_err hf_task_check_id(const char *text, size_t max, const char *what,
                        struct hf_error *error)
{
    const size_t size = text ? strnlen(text, max + 1) : 0;
    if (size == 0 || size > max) {
        return hf_fail(error, HF_E_INVALID, "%s: 1 to %zu bytes", what, max);
    }
    for (size_t i = 0; i < size; i++) {
        if (!is_alphanumeric(text[i]) && !strchr("._:-", text[i])) {
            return hf_fail(error, HF_E_INVALID, "%s: letters, digits and . _ : - only", what);
        }
    }
    return HF_OK;
}

hf_err hf_task_check_name(const char *text, const char *what, struct hf_error *error)
{
    if (!text) return HF_OK;

    const size_t size = strnlen(text, HF_TASK_NAME_MAX + 1);
    if (size == 0 || size > HF_TASK_NAME_MAX) {
        return hf_fail(error, HF_E_INVALID, "%s: 1 to %d bytes", what, HF_TASK_NAME_MAX);
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return hf_fail(error, HF_E_INVALID, "%s: printable ASCII without spaces only",
                           what);
        }
    }
    return HF_OK;
}

hf_err hf_task_make_id(char id[HF_TASK_ID_MAX + 1], struct hf_error *error)
{
    uint64_t random[2];
    if (getrandom(random, sizeof random, 0) != sizeof random) {
        return hf_fail(error, HF_E_SYSTEM, "no random numbers for an id");
    }
    snprintf(id, HF_TASK_ID_MAX + 1, "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
    return HF_OK;
}

size_t hf_task_line(struct hf_bytes text, char line[HF_TASK_TEXT_MAX])
{
    const unsigned char *bytes = text.data;
    size_t               size = text.size;
    if (size > HF_TASK_TEXT_MAX) {
        size = HF_TASK_TEXT_MAX;
        while (size > HF_TASK_TEXT_MAX - 4 && (bytes[size] & 0xC0) == 0x80) size--;
    }
    for (size_t i = 0; i < size; i++) {
        line[i] = bytes[i] < ' ' || bytes[i] == 0x7F ? ' ' : (char)bytes[i];
    }
    return size;
}
