/* The URL parser: any text is read or refused, what was read describes itself without the
 * password, and can be copied and let go of. */

#include "core/url.h"

#include "core/alloc.h"
#include "core/assert.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static hf_err accept(const char *name, const char *value, struct hf_error *error, void *ctx)
{
    (void)error;
    *(size_t *)ctx += strlen(name) + strlen(value);
    return HF_OK;
}

static void check(const struct hf_url *url)
{
    char          text[HF_URL_DESCRIBE_MAX];
    struct hf_url copy;

    hf_url_describe(url, text, sizeof text);
    hf_assert(strlen(text) < sizeof text);
    hf_assert(url->db <= HF_URL_DB_MAX);
    hf_assert(url->host || url->path || url->scheme == HF_SCHEME_EMBEDDED);
    if (hf_url_copy(url, &hf_allocator_default, &copy) == HF_OK) {
        hf_url_deinit(&copy, &hf_allocator_default);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text) return 0;
    if (size > 0) memcpy(text, data, size);
    text[size] = '\0';

    struct hf_error error;
    struct hf_url   url;
    size_t          seen = 0;
    if (hf_url_parse(&url, &hf_allocator_default, text, &error, accept, &seen) == HF_OK) {
        hf_assert(seen <= size);
        check(&url);
        hf_url_deinit(&url, &hf_allocator_default);
    } else {
        hf_assert(strlen(error.detail) < sizeof error.detail);
    }
    free(text);
    return 0;
}
