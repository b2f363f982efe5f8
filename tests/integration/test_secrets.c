/* Where a password is found after the library has had it: in this process's memory, which the
 * test searches whole, and in what the library says. Here it is kept masked, so that what is
 * found is not the test's own. */

#include <holdfast/holdfast.h>

#include "support/certificates.h"
#include "support/client_kit.h"
#include "support/redis_server.h"
#include "support/test.h"
#include "support/wait.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { SIZE = 24, HALF = SIZE / 2, BOUND_S = 10, TOLD_MAX = 64 * 1024 };

#define REGION_MAX (UINT64_C(256) << 20)

static unsigned char        masked[SIZE];
static const unsigned char  MASK = 0xa5;
static struct redis_server *server;
static struct certificates *files;
static pthread_mutex_t      told_lock = PTHREAD_MUTEX_INITIALIZER;
static char                 told[TOLD_MAX]; /* Everything that was logged. */

static void unmask(char *out)
{
    for (int i = 0; i < SIZE; i++) out[i] = (char)(masked[i] ^ MASK);
    out[SIZE] = '\0';
}

/* ---- Searching --------------------------------------------------------------------- */

/* Half of it counts too: a buffer that grew may have left that much behind. */
static bool is_half_at(const volatile unsigned char *at)
{
    for (int half = 0; half < 2; half++) {
        int i = 0;
        while (i < HALF && (unsigned char)(at[i] ^ MASK) == masked[half * HALF + i]) i++;
        if (i == HALF) return true;
    }
    return false;
}

static int count_in(uintptr_t from, uintptr_t to)
{
    int count = 0;
    for (uintptr_t at = from; at + HALF <= to; at++) {
        const volatile unsigned char *p;
        memcpy(&p, &at, sizeof p);
        const unsigned char first = *p ^ MASK;
        if (first != masked[0] && first != masked[HALF]) continue;
        if (!is_half_at(p)) continue;
        count++;
        at += HALF - 1;
    }
    return count;
}

/* Halves of the secret in all of this process's writable memory: a whole one makes two. */
static int halves_in_memory(void)
{
    int   count = 0;
    char  line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        char          rights[5];
        if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) != 3) continue;
        if (rights[0] != 'r' || rights[1] != 'w' || to - from > REGION_MAX) continue;
        count += count_in(from, to);
    }
    fclose(maps);
    return count;
}

static void assert_not_in(const char *text)
{
    const size_t size = strlen(text);
    for (size_t i = 0; i + HALF <= size; i++) {
        if (is_half_at((const unsigned char *)text + i)) fail_msg("it was told: %s", text);
    }
}

static void the_search_finds_what_is_there(void **state)
{
    (void)state;
    char copy[SIZE + 1];
    assert_int_equal(halves_in_memory(), 0);
    unmask(copy);
    const int found = halves_in_memory();
    explicit_bzero(copy, sizeof copy);
    assert_int_equal(found, 2);
    assert_int_equal(halves_in_memory(), 0);
}

/* ---- The server and the client ----------------------------------------------------- */

/* The server is told its hash only. */
static void admit_user(void)
{
    char          plain[SIZE + 1], hex[65];
    unsigned char hash[32];
    unsigned      size;
    unmask(plain);
    assert_int_equal(EVP_Digest(plain, SIZE, hash, &size, EVP_sha256(), NULL), 1);
    explicit_bzero(plain, sizeof plain);
    for (int i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    redis_server_do(server, "ACL SETUSER keeper on #%s ~* +@all", hex);
}

static int start(void **state)
{
    (void)state;
    unsigned char noise[SIZE];
    FILE         *random = fopen("/dev/urandom", "re");
    if (!random || fread(noise, 1, SIZE, random) != SIZE) return 1;
    fclose(random);
    for (int i = 0; i < SIZE; i++) {
        masked[i] = (unsigned char)(('a' + noise[i] % 26) ^ MASK);
    }
    files = certificates_open();
    const char *const args[] = { "--tls-cert-file",
                                 certificates_path(files, "server.crt"),
                                 "--tls-key-file",
                                 certificates_path(files, "server.key"),
                                 "--tls-ca-cert-file",
                                 certificates_path(files, "ca.crt"),
                                 "--tls-auth-clients",
                                 "no",
                                 NULL };
    server = redis_server_open(
        &(struct redis_server_options){ .tcp = true, .tls = true, .args = args });
    admit_user();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    redis_server_close(server);
    certificates_close(files);
    return 0;
}

static void keep_record(const struct hf_log_record *record, void *ctx)
{
    (void)ctx;
    pthread_mutex_lock(&told_lock);
    const size_t used = strlen(told);
    snprintf(told + used, sizeof told - used, "%s: %s\n", record->part, record->text);
    pthread_mutex_unlock(&told_lock);
}

static struct hf_options *options_for(const char *url)
{
    struct hf_options *options;
    struct hf_error    error;
    assert_int_equal(hf_options_open(&options), HF_OK);
    assert_int_equal(hf_options_set(options, "url", url, &error), HF_OK);
    assert_int_equal(
        hf_options_set(options, "tls_ca_file", certificates_path(files, "ca.crt"), &error),
        HF_OK);
    hf_options_set_log(options, HF_LOG_DEBUG, keep_record, NULL);
    return options;
}

static struct hf_client *open_with(struct hf_options *options)
{
    struct hf_client *client;
    struct hf_error   error;
    assert_int_equal(hf_client_open(options, &client, &error), HF_OK);
    hf_options_close(options);
    return client;
}

static bool answers(void *client)
{
    return client_do(client, "PING", NULL) == HF_OK;
}

/* Works a while, over a second connection too, and leaves; returns what was in memory while
 * it worked. */
static int work_and_close(struct hf_client *client)
{
    struct hf_error error;
    assert_int_equal(hf_client_wait_ready(client, hf_seconds(BOUND_S), &error), HF_OK);
    redis_server_do(server, "CLIENT KILL USER keeper");
    assert_true(wait_until(answers, client, hf_seconds(BOUND_S)));
    assert_string_equal(client_text(client, "ACL", "WHOAMI", NULL), "keeper");
    const int during = halves_in_memory();
    hf_client_close(client);
    return during;
}

static void compose(char *text, size_t size, const char *format)
{
    char plain[SIZE + 1];
    unmask(plain);
    char *mark = strchr(format, '$');
    snprintf(text, size, "%.*s%s%s", (int)(mark - format), format, plain, mark + 1);
    explicit_bzero(plain, sizeof plain);
}

/* ---- What is left ------------------------------------------------------------------ */

static void a_password_in_the_url_is_kept_once_and_then_gone(void **state)
{
    (void)state;
    char format[128], url[160];
    snprintf(format, sizeof format, "redis://keeper:$@127.0.0.1:%d/0",
             redis_server_port(server));
    compose(url, sizeof url, format);
    struct hf_options *options = options_for(url);
    explicit_bzero(url, sizeof url);
    assert_int_equal(work_and_close(open_with(options)), 2);
    assert_int_equal(halves_in_memory(), 0);
}

static void a_password_given_as_an_option_is_kept_once_and_then_gone(void **state)
{
    (void)state;
    char               plain[SIZE + 1];
    struct hf_options *options = options_for(redis_server_unix_url(server));
    struct hf_error    error;
    unmask(plain);
    assert_int_equal(hf_options_set(options, "user", "keeper", &error), HF_OK);
    assert_int_equal(hf_options_set(options, "password", plain, &error), HF_OK);
    assert_int_equal(hf_options_set(options, "password", plain, &error), HF_OK);
    explicit_bzero(plain, sizeof plain);
    assert_int_equal(work_and_close(open_with(options)), 2);
    assert_int_equal(halves_in_memory(), 0);
}

static hf_err tell_credentials(struct hf_credentials *credentials, struct hf_error *error,
                               void *ctx)
{
    (void)error;
    (void)ctx;
    snprintf(credentials->user, sizeof credentials->user, "keeper");
    unmask(credentials->password);
    return HF_OK;
}

static void what_the_function_told_is_gone_once_the_server_knows_it(void **state)
{
    (void)state;
    char tls[64];
    snprintf(tls, sizeof tls, "rediss://127.0.0.1:%d/0", redis_server_tls_port(server));
    const char *const urls[] = { redis_server_unix_url(server), tls };
    for (int i = 0; i < 2; i++) {
        struct hf_options *options = options_for(urls[i]);
        hf_options_set_credentials(options, tell_credentials, NULL);
        assert_int_equal(work_and_close(open_with(options)), 0);
        assert_int_equal(halves_in_memory(), 0);
    }
}

static void what_is_refused_leaves_nothing_either(void **state)
{
    (void)state;
    static const char *const bad[] = { "redis://keeper:$@127.0.0.1:99999/0",
                                       "redis://keeper:$@127.0.0.1:1/0?no_such=1",
                                       "redis://keeper:$@", "keeper:$@host" };
    struct hf_error          error;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char               url[160];
        struct hf_options *options;
        assert_int_equal(hf_options_open(&options), HF_OK);
        compose(url, sizeof url, bad[i]);
        assert_int_not_equal(hf_options_set(options, "url", url, &error), HF_OK);
        explicit_bzero(url, sizeof url);
        assert_not_in(error.detail);
        hf_options_close(options);
        assert_int_equal(halves_in_memory(), 0);
    }
}

/* ---- What is told ------------------------------------------------------------------ */

static void assert_statistics_do_not_tell(struct hf_client *client)
{
    struct hf_health health;
    hf_health_get(client, &health);
    assert_not_in(health.reason);
    assert_not_in(health.endpoint);
}

static void a_refused_password_is_told_nowhere_and_gone_after(void **state)
{
    (void)state;
    char format[128], url[160];
    snprintf(format, sizeof format, "redis://stranger:$@127.0.0.1:%d/0",
             redis_server_port(server));
    compose(url, sizeof url, format);
    struct hf_options *options = options_for(url);
    explicit_bzero(url, sizeof url);
    struct hf_client *client = open_with(options);
    struct hf_error   error;
    hf_err            err;
    do {
        err = hf_client_wait_ready(client, hf_ms(20), &error);
    } while (err == HF_E_TIMEOUT);
    assert_int_equal(err, HF_E_AUTH);
    assert_not_in(error.detail);
    assert_statistics_do_not_tell(client);
    hf_client_close(client);
    assert_int_equal(halves_in_memory(), 0);
}

static void no_record_of_all_this_tells_it(void **state)
{
    (void)state;
    assert_true(strlen(told) > 0);
    assert_not_in(told);
}

int main(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 0; /* Their shadows keep what was freed, and are too large to be searched. */
#endif
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_search_finds_what_is_there),
        cmocka_unit_test(a_password_in_the_url_is_kept_once_and_then_gone),
        cmocka_unit_test(a_password_given_as_an_option_is_kept_once_and_then_gone),
        cmocka_unit_test(what_the_function_told_is_gone_once_the_server_knows_it),
        cmocka_unit_test(what_is_refused_leaves_nothing_either),
        cmocka_unit_test(a_refused_password_is_told_nowhere_and_gone_after),
        cmocka_unit_test(no_record_of_all_this_tells_it),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
