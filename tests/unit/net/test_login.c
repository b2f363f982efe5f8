#include "net/login.h"

#include "core/alloc.h"
#include "support/test.h"
#include "support/wait.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { BOUND_S = 20 };

/* Who is asked, in a thread of the login's: tells what the test has put in, as soon as the
 * test lets it. */
struct teller {
    struct hf_login *login;
    hf_err           err;
    const char      *user;
    bool             fills_all; /* Both fields to the last byte, without a NUL. */
    atomic_int       asked;
    atomic_int       may_answer; /* How often. */
    atomic_bool      found_something;
};

static bool may_answer(void *ctx)
{
    struct teller *t = ctx;
    return t->may_answer >= t->asked;
}

static hf_err tell(struct hf_credentials *credentials, struct hf_error *error, void *ctx)
{
    static const struct hf_credentials zeroed;
    struct teller                     *t = ctx;
    if (memcmp(credentials, &zeroed, sizeof zeroed) != 0) t->found_something = true;
    t->asked++;
    if (!wait_until(may_answer, t, hf_seconds(BOUND_S))) return HF_E_TIMEOUT;
    if (t->fills_all) {
        memset(credentials, 'x', sizeof *credentials);
        return HF_OK;
    }
    memcpy(credentials->user, t->user, strlen(t->user));
    memset(credentials->password, 's', HF_PASSWORD_MAX);
    memcpy(error->detail, "the vault is shut", sizeof "the vault is shut");
    return t->err;
}

static void teller_open(struct teller *t)
{
    *t = (struct teller){ .user = "ann" };
    assert_int_equal(hf_login_open(&t->login, &hf_allocator_default, tell, t), HF_OK);
}

static void teller_close(struct teller *t)
{
    hf_login_close(t->login);
    assert_false(t->found_something);
}

static bool has_been_asked(void *ctx)
{
    struct teller *t = ctx;
    return t->asked > t->may_answer;
}

static bool is_readable(const struct teller *t, int timeout_ms)
{
    struct pollfd answer = { .fd = hf_login_fd(t->login), .events = POLLIN };
    return poll(&answer, 1, timeout_ms) == 1;
}

static hf_err take(struct teller *t, const struct hf_credentials **credentials)
{
    struct hf_error error;
    assert_true(is_readable(t, BOUND_S * 1000));
    return hf_login_take(t->login, credentials, &error);
}

static void those_who_ask_meanwhile_share_the_answer(void **state)
{
    (void)state;
    struct teller                t;
    struct hf_error              error;
    const struct hf_credentials *first, *second;
    teller_open(&t);
    assert_int_equal(hf_login_start(t.login), HF_OK);
    assert_int_equal(hf_login_start(t.login), HF_OK);
    assert_true(wait_until(has_been_asked, &t, hf_seconds(BOUND_S)));
    assert_int_equal(hf_login_take(t.login, &first, &error), HF_E_TRYAGAIN);
    assert_false(is_readable(&t, 0));
    t.may_answer = 1;
    assert_int_equal(take(&t, &first), HF_OK);
    assert_int_equal(take(&t, &second), HF_OK);
    assert_ptr_equal(first, second);
    assert_string_equal(first->user, "ann");
    hf_login_drop(t.login);
    assert_int_equal(take(&t, &second), HF_OK); /* One still holds it. */
    hf_login_drop(t.login);
    assert_int_equal(t.asked, 1);
    teller_close(&t);
}

static void what_nobody_holds_is_wiped(void **state)
{
    (void)state;
    static const struct hf_credentials zeroed;
    struct teller                      t;
    const struct hf_credentials       *credentials;
    teller_open(&t);
    t.may_answer = 2;
    for (int round = 1; round <= 2; round++) {
        assert_int_equal(hf_login_start(t.login), HF_OK);
        assert_int_equal(take(&t, &credentials), HF_OK);
        hf_login_drop(t.login);
        assert_memory_equal(credentials, &zeroed, sizeof zeroed);
        assert_false(is_readable(&t, 0));
        assert_int_equal(t.asked, round);
    }
    teller_close(&t);
}

static bool has_been_asked_again(void *ctx)
{
    return ((struct teller *)ctx)->asked == 2;
}

/* What it told the first time, a longer name at that, is not mixed with the second. */
static void a_renewal_amid_a_question_asks_once_again(void **state)
{
    (void)state;
    struct teller                t;
    const struct hf_credentials *credentials;
    teller_open(&t);
    t.user = "somebody else";
    assert_int_equal(hf_login_start(t.login), HF_OK);
    assert_true(wait_until(has_been_asked, &t, hf_seconds(BOUND_S)));
    hf_login_renew(t.login);
    t.may_answer = 1;
    assert_true(wait_until(has_been_asked_again, &t, hf_seconds(BOUND_S)));
    assert_false(is_readable(&t, 0));
    t.user = "ann";
    t.may_answer = 2;
    assert_int_equal(take(&t, &credentials), HF_OK);
    assert_string_equal(credentials->user, "ann");
    assert_int_equal(t.asked, 2);
    hf_login_drop(t.login);
    teller_close(&t);
}

static void a_renewal_that_nobody_waits_for_asks_nobody(void **state)
{
    (void)state;
    struct teller                t;
    const struct hf_credentials *credentials;
    teller_open(&t);
    hf_login_renew(t.login); /* Nothing is asked for. */
    t.may_answer = 1;
    assert_int_equal(hf_login_start(t.login), HF_OK);
    assert_int_equal(take(&t, &credentials), HF_OK);
    hf_login_renew(t.login); /* The answer is there. */
    hf_login_drop(t.login);
    assert_int_equal(t.asked, 1);

    assert_int_equal(hf_login_start(t.login), HF_OK);
    assert_true(wait_until(has_been_asked, &t, hf_seconds(BOUND_S)));
    hf_login_renew(t.login);
    hf_login_drop(t.login); /* Amid the question: its answer is for nobody. */
    t.may_answer = 2;
    teller_close(&t);
    assert_int_equal(t.asked, 2);
}

static void assert_refused(struct teller *t, const char *detail)
{
    struct hf_error              error;
    const struct hf_credentials *credentials;
    t->may_answer++;
    assert_int_equal(hf_login_start(t->login), HF_OK);
    assert_true(is_readable(t, BOUND_S * 1000));
    assert_int_equal(hf_login_take(t->login, &credentials, &error), HF_E_AUTH);
    assert_string_equal(error.detail, detail);
    hf_login_drop(t->login);
}

static void why_there_are_none_is_told(void **state)
{
    (void)state;
    struct teller                t;
    const struct hf_credentials *credentials;
    teller_open(&t);
    t.err = HF_E_TIMEOUT;
    assert_refused(&t, "credentials: the vault is shut");

    t.err = HF_OK; /* What was told before is not told again. */
    t.may_answer++;
    assert_int_equal(hf_login_start(t.login), HF_OK);
    assert_int_equal(take(&t, &credentials), HF_OK);
    hf_login_drop(t.login);
    teller_close(&t);
}

static void what_does_not_end_is_refused(void **state)
{
    (void)state;
    struct teller t;
    teller_open(&t);
    t.fills_all = true;
    assert_refused(&t, "credentials: longer than the limit");
    teller_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_who_ask_meanwhile_share_the_answer),
        cmocka_unit_test(what_nobody_holds_is_wiped),
        cmocka_unit_test(a_renewal_amid_a_question_asks_once_again),
        cmocka_unit_test(a_renewal_that_nobody_waits_for_asks_nobody),
        cmocka_unit_test(why_there_are_none_is_told),
        cmocka_unit_test(what_does_not_end_is_refused),
    };
    return RUN_TESTS(tests);
}
