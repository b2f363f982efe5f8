/* INFO as the exporter reads it: any bytes give numbers, and nothing is read past them. */

#include "export/redis_info.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t values[HF_REDIS_INFO_COUNT];
    char *text = malloc(size ? size : 1); /* Of that size, so that a byte past it is seen. */
    if (!text) return 0;
    if (size) memcpy(text, data, size);
    hf_redis_info_parse(hf_bytes(text, size), values);
    free(text);
    return 0;
}
