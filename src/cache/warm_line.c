#include "cache/warm_line.h"

#include "core/base64.h"
#include "core/error.h"

#include <jansson.h>

enum { KEPT = 64 * 1024 }; /* Of the block, from one line to the next. */

static hf_err decode(struct hf_warm_line *l, const json_t *text, const char *name,
                     struct hf_bytes *bytes, struct hf_error *error)
{
    const struct hf_bytes from = hf_bytes(json_string_value(text), json_string_length(text));
    unsigned char        *to = (unsigned char *)hf_buffer_end(&l->decoded);
    size_t                size;
    if (hf_base64_decode(from, to, &size)) {
        return hf_fail(error, HF_E_INVALID, "\"%s_base64\" is not base64", name);
    }
    *bytes = hf_bytes(to, size);
    hf_buffer_extend(&l->decoded, size);
    return HF_OK;
}

/* The key or the value, under its own name or as NAME_base64. */
static hf_err take_bytes(struct hf_warm_line *l, const char *name, struct hf_bytes *bytes,
                         struct hf_error *error)
{
    char encoded[32];
    snprintf(encoded, sizeof encoded, "%s_base64", name);
    const json_t *plain = json_object_get(l->json, name);
    const json_t *base64 = json_object_get(l->json, encoded);
    if (!plain == !base64) {
        return hf_fail(error, HF_E_INVALID, "%s \"%s\" %s \"%s_base64\"",
                       plain ? "both" : "neither", name, plain ? "and" : "nor", name);
    }
    if (!json_is_string(plain ? plain : base64)) {
        return hf_fail(error, HF_E_INVALID, "\"%s\" is not a string", plain ? name : encoded);
    }
    if (base64) return decode(l, base64, name, bytes, error);
    *bytes = hf_bytes(json_string_value(plain), json_string_length(plain));
    return HF_OK;
}

static hf_err take_ttl(const json_t *ttl, hf_duration *duration, struct hf_error *error)
{
    static const char wrong[] = "\"ttl\" is not above 0 and at most ten years";
    hf_duration       d = hf_ns(0);
    if (!ttl) return HF_OK;
    if (json_is_string(ttl)) {
        if (hf_duration_parse(json_string_value(ttl), &d)) {
            return hf_fail(error, HF_E_INVALID, "\"ttl\" is not understood");
        }
    } else if (json_is_number(ttl)) {
        const double ns = json_number_value(ttl) * 1e9;
        if (!(ns >= 1 && ns <= (double)HF_CACHE_TTL_MAX.ns)) {
            return hf_fail(error, HF_E_RANGE, "%s", wrong);
        }
        d = hf_ns((int64_t)ns);
    } else {
        return hf_fail(error, HF_E_INVALID, "\"ttl\" is neither a number nor a string");
    }
    if (d.ns < 1 || d.ns > HF_CACHE_TTL_MAX.ns)
        return hf_fail(error, HF_E_RANGE, "%s", wrong);
    *duration = d;
    return HF_OK;
}

/* A mistyped "ttl" would otherwise be an entry that lives too long. */
static hf_err check_names(json_t *object, struct hf_error *error)
{
    static const char *const known[] = { "key", "key_base64", "value", "value_base64",
                                         "ttl" };
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        bool is_known = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            is_known |= strcmp(json_object_iter_key(at), known[i]) == 0;
        }
        if (is_known) continue;
        return hf_fail(error, HF_E_INVALID, "unknown member \"%.60s\"",
                       json_object_iter_key(at));
    }
    return HF_OK;
}

void hf_warm_line_init(struct hf_warm_line *l, const struct hf_allocator *a)
{
    l->json = NULL;
    hf_buffer_init(&l->decoded, a, HF_WARM_LINE_MAX);
}

void hf_warm_line_deinit(struct hf_warm_line *l)
{
    json_decref(l->json);
    hf_buffer_deinit(&l->decoded);
}

hf_err hf_warm_line_parse(struct hf_warm_line *l, struct hf_bytes line,
                          struct hf_warm_entry *entry, struct hf_error *error)
{
    json_error_t reason;
    json_decref(l->json);
    l->json = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                         &reason);
    if (!l->json) {
        return hf_fail(error, HF_E_INVALID, "broken JSON, column %d: %s", reason.column,
                       reason.text);
    }
    if (!json_is_object(l->json)) return hf_fail(error, HF_E_INVALID, "not a JSON object");

    hf_buffer_clear(&l->decoded, KEPT);
    hf_err err = hf_buffer_reserve(&l->decoded, line.size);
    if (err) return hf_fail(error, err, "line of %zu bytes", line.size);
    err = check_names(l->json, error);
    if (!err) err = take_bytes(l, "key", &entry->key, error);
    if (!err) err = take_bytes(l, "value", &entry->value, error);
    if (!err) err = take_ttl(json_object_get(l->json, "ttl"), &entry->ttl, error);
    return err;
}
