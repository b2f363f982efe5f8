#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct category_row {
    const char   *name;
    enum hf_retry retry;
    bool          counts;
};

static const struct category_row categories[] = {
#define X(category, name, retry, counts)                                                     \
    [HF_CATEGORY_##category] = { name, HF_RETRY_##retry, counts },
    HF_CATEGORY_MAP(X)
#undef X
};

enum applied { APPLIED_NO, APPLIED_UNKNOWN, APPLIED_YES };

struct err_row {
    const char      *name;
    const char      *text;
    enum hf_category category;
    enum applied     applied;
};

static const struct err_row errs[] = {
#define X(code, category, applied, text)                                                     \
    [HF_##code] = { "HF_" #code, text, HF_CATEGORY_##category, APPLIED_##applied },
    HF_ERR_MAP(X)
#undef X
};

static const struct err_row *row_of(hf_err err)
{
    static const struct err_row unknown = { "HF_E_?", "unknown error", HF_CATEGORY_USAGE,
                                            APPLIED_NO };
    const size_t                count = sizeof errs / sizeof errs[0];
    return (size_t)err < count ? &errs[err] : &unknown;
}

const char *hf_err_text(hf_err err)
{
    return row_of(err)->text;
}

const char *hf_err_name(hf_err err)
{
    return row_of(err)->name;
}

enum hf_category hf_err_category(hf_err err)
{
    return row_of(err)->category;
}

const char *hf_category_name(enum hf_category category)
{
    const size_t count = sizeof categories / sizeof categories[0];
    return (size_t)category < count ? categories[category].name : "unknown";
}

bool hf_err_outcome_unknown(hf_err err)
{
    return row_of(err)->applied == APPLIED_UNKNOWN;
}

enum hf_retry hf_err_retry(hf_err err)
{
    return categories[hf_err_category(err)].retry;
}

bool hf_err_counts_against_endpoint(hf_err err)
{
    return categories[hf_err_category(err)].counts;
}

hf_err(hf_fail)(struct hf_error *error, hf_err code, const char *format, ...)
{
    if (!error) return code;

    va_list args;
    va_start(args, format);
    error->code = code;
    vsnprintf(error->detail, sizeof error->detail, format, args);
    va_end(args);
    return code;
}

hf_err(hf_fail_bare)(struct hf_error *error, hf_err code)
{
    if (!error) return code;

    const char  *text = hf_err_text(code);
    const size_t size = strnlen(text, sizeof error->detail - 1);
    error->code = code;
    memcpy(error->detail, text, size);
    error->detail[size] = '\0';
    return code;
}

hf_err(hf_fail_in)(struct hf_error *error, hf_err code, const char *format, ...)
{
    if (!error) return code;

    char inner[HF_ERROR_DETAIL_MAX];
    memcpy(inner, error->detail, sizeof inner);

    va_list args;
    va_start(args, format);
    const int length = vsnprintf(error->detail, sizeof error->detail, format, args);
    va_end(args);

    if (length >= 0 && (size_t)length < sizeof error->detail && inner[0] != '\0') {
        snprintf(error->detail + length, sizeof error->detail - (size_t)length, ": %s",
                 inner);
    }
    error->code = code;
    return code;
}
