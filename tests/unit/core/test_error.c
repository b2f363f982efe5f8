#include "core/error.h"

#include "support/test.h"

static void a_bare_failure_says_what_its_code_says(void **state)
{
    (void)state;
    static const hf_err codes[] = {
#define X(code, category, applied, text) HF_##code,
        HF_ERR_MAP(X)
#undef X
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct hf_error error = {
            .detail = "what was before, which is longer than any of them, "
                      "or so it seems to whoever reads it"
        };
        assert_int_equal(hf_fail_bare(&error, codes[i]), codes[i]);
        assert_int_equal(error.code, codes[i]);
        assert_string_equal(error.detail, hf_err_text(codes[i]));
        assert_int_equal(hf_fail_bare(NULL, codes[i]), codes[i]);
    }
}

static void a_context_goes_in_front(void **state)
{
    (void)state;
    struct hf_error error;
    (void)hf_fail_bare(&error, HF_E_BREAKER_OPEN);
    assert_int_equal(hf_fail_in(&error, HF_E_BREAKER_OPEN, "cache %s", "get"),
                     HF_E_BREAKER_OPEN);
    assert_string_equal(error.detail, "cache get: circuit breaker is open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bare_failure_says_what_its_code_says),
        cmocka_unit_test(a_context_goes_in_front),
    };
    return RUN_TESTS(tests);
}
