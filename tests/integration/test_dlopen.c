/* The library as a plugin meets it: opened and closed at run time. HF_LIBRARY is its path. */

#include <holdfast/holdfast.h>

#include "support/leaks.h"
#include "support/redis_server.h"
#include "support/test.h"

#include <dlfcn.h>
#include <string.h>

/* What a plugin would look up. */
struct library {
    void *handle;
    hf_err (*options_open)(struct hf_options **options);
    hf_err (*options_set)(struct hf_options *options, const char *name, const char *value,
                          struct hf_error *error);
    void (*options_close)(struct hf_options *options);
    hf_err (*client_open)(const struct hf_options *options, struct hf_client **client,
                          struct hf_error *error);
    hf_err (*client_command)(struct hf_client *client, const struct hf_call *call,
                             const struct hf_bytes *argv, size_t argc,
                             struct hf_reply **reply, struct hf_error *error);
    void (*client_close)(struct hf_client *client);
    void (*reply_free)(struct hf_reply *reply);
};

static void look_up(const struct library *library, const char *name, void *function)
{
    void *symbol = dlsym(library->handle, name);
    if (!symbol) fail_msg("%s: %s", name, dlerror());
    memcpy(function, &symbol, sizeof symbol);
}

static struct library load(void)
{
    struct library l = { .handle = dlopen(HF_LIBRARY, RTLD_NOW | RTLD_LOCAL) };
    if (!l.handle) fail_msg("%s", dlerror());
    look_up(&l, "hf_options_open", &l.options_open);
    look_up(&l, "hf_options_set", &l.options_set);
    look_up(&l, "hf_options_close", &l.options_close);
    look_up(&l, "hf_client_open", &l.client_open);
    look_up(&l, "hf_client_command", &l.client_command);
    look_up(&l, "hf_client_close", &l.client_close);
    look_up(&l, "hf_reply_free", &l.reply_free);
    return l;
}

static void use(const struct library *l, const char *url, bool answers)
{
    const struct hf_bytes argv[] = { hf_str("PING") };
    struct hf_options    *options;
    struct hf_client     *client;
    struct hf_reply      *reply;
    assert_int_equal(l->options_open(&options), HF_OK);
    assert_int_equal(l->options_set(options, "url", url, NULL), HF_OK);
    assert_int_equal(l->options_set(options, "log_level", "silent", NULL), HF_OK);
    assert_int_equal(l->options_set(options, "socket_timeout", answers ? "5" : "0.02", NULL),
                     HF_OK);
    assert_int_equal(l->client_open(options, &client, NULL), HF_OK);
    l->options_close(options);
    const hf_err err = l->client_command(client, NULL, argv, 1, &reply, NULL);
    if (!err) l->reply_free(reply);
    l->client_close(client);
    assert_int_equal(err == HF_OK, answers);
}

static void loading_and_unloading_again_and_again_leaves_nothing(void **state)
{
    (void)state;
    struct redis_server *server = redis_server_open(NULL);
    struct library       first = load();
    use(&first, redis_server_unix_url(server), true);
    dlclose(first.handle);
    struct leaks before = leaks_count();
    for (int i = 0; i < 30; i++) {
        struct library again = load();
        use(&again, redis_server_unix_url(server), true);
        assert_int_equal(dlclose(again.handle), 0);
    }
    assert_true(leaks_settle(&before));
    redis_server_close(server);
}

/* A lookup may be left behind in the system's resolver; the code it returns into must be
 * there. */
static void what_is_left_to_the_resolver_returns_into_code_that_is_there(void **state)
{
    (void)state;
    struct library library = load();
    struct leaks   before = leaks_count();
    use(&library, "redis://holdfast.invalid:6379", false);
    assert_int_equal(dlclose(library.handle), 0);
    assert_non_null(dlopen(HF_LIBRARY, RTLD_NOW | RTLD_NOLOAD));
    assert_true(leaks_settle(&before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loading_and_unloading_again_and_again_leaves_nothing),
        cmocka_unit_test(what_is_left_to_the_resolver_returns_into_code_that_is_there),
    };
    return RUN_TESTS(tests);
}
