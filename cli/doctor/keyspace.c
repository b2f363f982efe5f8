#include "doctor.h"

#include "shown.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEYS_MAX = 2000, /* Looked at; a step or two may add some. */
    STEPS_MAX = 50,
    PREFIXES_MAX = 128,
    PREFIX_SIZE = 40,
    PREFIXES_SHOWN = 4,
};

struct prefix {
    char     text[PREFIX_SIZE];
    uint64_t count;
};

struct census {
    struct prefix prefixes[PREFIXES_MAX];
    size_t        count;
    uint64_t      others; /* Keys of prefixes there was no room for. */
    uint64_t      seen;
    bool          is_whole;
};

/* Up to the first colon, slash or brace behind a letter: "session:", "holdfast@0:". */
static struct hf_bytes prefix_of(struct hf_bytes key)
{
    const char *text = key.data;
    size_t      size = 0;
    while (size < key.size && size < PREFIX_SIZE - 1 && !strchr(":/|", text[size])) size++;
    return hf_bytes(text, size < key.size && size < PREFIX_SIZE - 1 ? size + 1 : size);
}

static void note(struct census *c, struct hf_bytes key)
{
    char name[PREFIX_SIZE];
    shown(prefix_of(key), name, sizeof name);
    c->seen++;
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->prefixes[i].text, name) != 0) continue;
        c->prefixes[i].count++;
        return;
    }
    if (c->count == PREFIXES_MAX) {
        c->others++;
        return;
    }
    memcpy(c->prefixes[c->count].text, name, sizeof name);
    c->prefixes[c->count++].count = 1;
}

static hf_err step(struct doctor *d, struct census *c, char cursor[24])
{
    const char *const words[] = { "SCAN", cursor, "COUNT", "200" };
    struct hf_reply  *reply;
    struct hf_bytes   next, key;
    hf_err            err = doctor_ask(d, words, 4, &reply);
    if (err) return err;

    const struct hf_reply *keys = hf_reply_at(reply, 1);
    err = hf_reply_bytes(hf_reply_at(reply, 0), &next);
    if (!err) snprintf(cursor, 24, "%.*s", (int)next.size, (const char *)next.data);
    for (size_t i = 0; i < hf_reply_count(keys); i++) {
        if (hf_reply_bytes(hf_reply_at(keys, i), &key) == HF_OK) note(c, key);
    }
    hf_reply_free(reply);
    return err;
}

static hf_err take_census(struct doctor *d, struct census *c)
{
    char   cursor[24] = "0";
    hf_err err = HF_OK;
    for (int i = 0; i < STEPS_MAX && c->seen < KEYS_MAX && !err && !c->is_whole; i++) {
        err = step(d, c, cursor);
        c->is_whole = !err && strcmp(cursor, "0") == 0;
    }
    return err;
}

static int by_count(const void *a, const void *b)
{
    const struct prefix *x = a, *y = b;
    const int            more = (x->count < y->count) - (x->count > y->count);
    return more ? more : strcmp(x->text, y->text);
}

static void say_census(struct doctor *d, struct census *c, int64_t keys)
{
    char   text[320] = "";
    size_t used = 0;
    qsort(c->prefixes, c->count, sizeof c->prefixes[0], by_count);
    for (size_t i = 0; i < c->count && i < PREFIXES_SHOWN && used < sizeof text; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %.0f %%",
                                 i ? ", " : ": ", c->prefixes[i].text,
                                 100 * (double)c->prefixes[i].count / (double)c->seen);
    }
    const bool has_more = c->count > PREFIXES_SHOWN || c->others;
    doctor_say(d, LEVEL_OK, "keys", NULL, "%lld%s%s%s", (long long)keys, text,
               has_more ? ", and others" : "",
               c->is_whole ? "" : " (estimated from a part of them)");
}

void doctor_keyspace(struct doctor *d)
{
    const char *const    words[] = { "DBSIZE" };
    static struct census census;
    struct hf_reply     *reply;
    int64_t              keys = 0;
    hf_err               err = take_census(d, &census);
    if (!err) err = doctor_ask(d, words, 1, &reply);
    if (!err) {
        err = hf_reply_int(reply, &keys);
        hf_reply_free(reply);
    }
    if (err) {
        doctor_say(d, LEVEL_WARNING, "keys",
                   "To see whose keys there are: ACL SETUSER NAME "
                   "+scan +dbsize.",
                   "%s: %s", hf_err_text(err), d->c.error.detail);
        return;
    }
    say_census(d, &census, keys);
}
