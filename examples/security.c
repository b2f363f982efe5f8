/* Logs in by a function, with no more rights than a cache needs, and changes user at work. */

#include <holdfast/holdfast.h>
#include <stdio.h>
#include <string.h>

/* Stands for wherever an application gets its passwords from. */
struct vault {
    const char *user, *password;
};

static hf_err ask_vault(struct hf_credentials *credentials, struct hf_error *error, void *ctx)
{
    const struct vault *vault = ctx;
    (void)error; /* For a vault that can fail: what happened goes into error->detail. */
    snprintf(credentials->user, sizeof credentials->user, "%s", vault->user);
    snprintf(credentials->password, sizeof credentials->password, "%s", vault->password);
    return HF_OK;
}

/* Everything that the cache called site does, and nothing else. */
static const char *const rule[] = {
    "ACL",
    "SETUSER",
    "cache",
    "reset",
    "on",
    ">not in a program, but for an example",
    "~site@*",
    "~lease{site@*",
    "~lease:site@*", /* Its keys. */
    "+@read",
    "+@write",
    "+eval",
    "+evalsha",
    "+script|load",
    "-@dangerous",
    "+@connection", /* HELLO, AUTH, SELECT, PING, CLIENT ID; CLIENT TRACKING: near cache. */
    "-@admin",
    "+client|kill", /* So that a late write of a lost connection is stopped. */
    "+info",        /* To know one server process from the next. */
    "+acl|whoami",  /* For this program. */
};

enum { RULE_WORDS = sizeof rule / sizeof rule[0] };

/* The answer as text, or why there is none. */
static void ask(struct hf_client *client, const char *const *words, size_t count, char *text,
                size_t size)
{
    struct hf_bytes  argv[RULE_WORDS], bytes;
    struct hf_reply *reply;
    for (size_t i = 0; i < count; i++) argv[i] = hf_str(words[i]);
    const hf_err err = hf_client_command(client, NULL, argv, count, &reply, NULL);
    snprintf(text, size, "%s", hf_err_text(err));
    if (err) return;
    if (hf_reply_bytes(reply, &bytes) == HF_OK) {
        snprintf(text, size, "%.*s", (int)bytes.size, (const char *)bytes.data);
    }
    hf_reply_free(reply);
}

static void change_user(struct hf_client *client)
{
    static const char *const whoami[] = { "ACL", "WHOAMI" };
    char                     user[64] = "";
    hf_client_reauthenticate(client);
    while (strcmp(user, "cache") != 0) ask(client, whoami, 2, user, sizeof user);
    printf("now logged in as %s\n", user);
}

static hf_err make_page(struct hf_bytes key, struct hf_loaded *page, void *ctx)
{
    (void)key;
    (void)ctx;
    return hf_loaded_set(page, hf_str("a page"));
}

static void say(const char *what, hf_err err)
{
    printf("%s: %s\n", what, hf_err_text(err));
}

static void use_cache(struct hf_client *client)
{
    const struct hf_cache_options how = { .key_prefix = "site", .version = 1 };
    const struct hf_load          load = { .ttl = hf_seconds(60) };
    struct hf_cache              *cache;
    struct hf_value              *value;
    if (hf_cache_open(client, &how, &cache, NULL)) return;
    say("set", hf_cache_set(cache, NULL, hf_str("a"), hf_str("1"), NULL, NULL));
    hf_err err = hf_cache_get(cache, NULL, hf_str("a"), &value, NULL);
    if (!err) hf_value_release(value);
    say("get", err);
    err = hf_cache_load(cache, NULL, hf_str("b"), &load, make_page, NULL, &value, NULL);
    if (!err) hf_value_release(value);
    say("load", err);
    say("delete", hf_cache_delete(cache, NULL, hf_str("a"), NULL));
    say("clear", hf_cache_clear(cache, NULL, NULL));
    hf_cache_close(cache);
}

int main(void)
{
    static const char *const flush[] = { "FLUSHALL" }, *const other[] = { "GET", "other" };
    struct vault       vault = { "", "" }; /* At first: nobody in particular. */
    struct hf_options *options;
    struct hf_client  *client;
    struct hf_health   health;
    char               text[128];
    if (hf_options_open(&options) || hf_options_set(options, "url", "embedded:", NULL))
        return 1;
    hf_options_set_credentials(options, ask_vault, &vault);
    if (hf_client_open(options, &client, NULL)) return 1;

    ask(client, rule, RULE_WORDS, text, sizeof text);
    printf("ACL SETUSER: %s\n", text);
    vault = (struct vault){ "cache", rule[5] + 1 };
    change_user(client);

    use_cache(client);
    ask(client, flush, 1, text, sizeof text);
    printf("FLUSHALL: %s\n", text);
    ask(client, other, 2, text, sizeof text);
    printf("GET other: %s\n", text);
    hf_health_get(client, &health);
    printf("health: %s\n", hf_status_name(health.status));

    hf_client_close(client);
    hf_options_close(options);
}
