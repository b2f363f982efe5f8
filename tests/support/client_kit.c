#include "support/client_kit.h"

#include "support/die.h"

#include <stdarg.h>
#include <stdio.h>

enum { WORDS_MAX = 16 };

static const struct hf_allocator *_Atomic allocator;

void client_allocate_from(const struct hf_allocator *a)
{
    allocator = a;
}

static struct hf_client *open_with(const char *url, va_list settings)
{
    struct hf_options *options;
    struct hf_client  *client;
    struct hf_error    error;
    if (hf_options_open(&options)) die("no memory for options");
    if (hf_options_set(options, "url", url, &error)) die("%s", error.detail);
    for (const char *name; (name = va_arg(settings, const char *));) {
        const char *value = va_arg(settings, const char *);
        if (hf_options_set(options, name, value, &error)) die("%s", error.detail);
    }
    hf_options_set_log(options, HF_LOG_SILENT, NULL, NULL);
    hf_options_set_allocator(options, allocator);
    if (hf_client_open(options, &client, &error)) die("open %s: %s", url, error.detail);
    hf_options_close(options);
    return client;
}

struct hf_client *client_open(const char *url, ...)
{
    va_list settings;
    va_start(settings, url);
    struct hf_client *client = open_with(url, settings);
    va_end(settings);
    return client;
}

struct hf_client *client_open_ready(const char *url, ...)
{
    struct hf_error error;
    va_list         settings;
    va_start(settings, url);
    struct hf_client *client = open_with(url, settings);
    va_end(settings);
    if (hf_client_wait_ready(client, hf_seconds(20), &error))
        die("%s: %s", url, error.detail);
    return client;
}

static hf_err ask(struct hf_client *client, const struct hf_call *call,
                  struct hf_reply **reply, va_list words)
{
    struct hf_bytes argv[WORDS_MAX];
    size_t          argc = 0;
    for (const char *word; (word = va_arg(words, const char *));) {
        if (argc == WORDS_MAX) die("more than %d words", WORDS_MAX);
        argv[argc++] = hf_str(word);
    }
    return hf_client_command(client, call, argv, argc, reply, NULL);
}

hf_err client_ask(struct hf_client *client, const struct hf_call *call,
                  struct hf_reply **reply, ...)
{
    va_list words;
    va_start(words, reply);
    const hf_err err = ask(client, call, reply, words);
    va_end(words);
    return err;
}

hf_err client_do(struct hf_client *client, ...)
{
    struct hf_reply *reply = NULL;
    va_list          words;
    va_start(words, client);
    const hf_err err = ask(client, NULL, &reply, words);
    va_end(words);
    if (!err) hf_reply_free(reply);
    return err;
}

const char *client_text(struct hf_client *client, ...)
{
    static _Thread_local char text[256];
    struct hf_reply          *reply = NULL;
    struct hf_bytes           bytes;
    va_list                   words;
    va_start(words, client);
    const hf_err err = ask(client, NULL, &reply, words);
    va_end(words);
    if (err) return hf_err_name(err);

    snprintf(text, sizeof text, "(%s)", hf_reply_type_name(hf_reply_type(reply)));
    if (hf_reply_is_null(reply)) snprintf(text, sizeof text, "(nil)");
    if (!hf_reply_bytes(reply, &bytes)) {
        snprintf(text, sizeof text, "%.*s", (int)bytes.size, (const char *)bytes.data);
    }
    hf_reply_free(reply);
    return text;
}

int64_t client_int(struct hf_client *client, ...)
{
    struct hf_reply *reply = NULL;
    int64_t          value;
    va_list          words;
    va_start(words, client);
    const hf_err err = ask(client, NULL, &reply, words);
    va_end(words);
    if (err) die("command failed: %s", hf_err_name(err));
    if (hf_reply_int(reply, &value)) die("the reply is no integer");
    hf_reply_free(reply);
    return value;
}
