/* What an exporter answers, as the command line tool reads it: any bytes are an answer within
 * its bounds, or none. */

#include "http.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_answer answer = { 0 };
    char              *bytes = malloc(size + 1);
    if (!bytes) return 0;
    if (size) memcpy(bytes, data, size);
    bytes[size] = '\0';
    if (!http_parse(bytes, size, &answer)) {
        if (answer.status < 100 || answer.status > 999 || answer.body_size > size) abort();
        if (answer.body && answer.body[answer.body_size] != '\0') abort();
    }
    http_answer_free(&answer);
    free(bytes);
    return 0;
}
