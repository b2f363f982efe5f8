#include "command.h"
#include "json.h"
#include "suggest.h"

#include <errno.h>
#include <holdfast/fingerprint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENCODING }; /* In the order of the command's flags. */

enum { NAME_MAX_SIZE = 1000 };

/* One parameter as it was given: NAME[:TYPE]=VALUE. */
struct parameter {
    char        name[NAME_MAX_SIZE + 1];
    const char *value;
};

typedef bool (*add_fn)(struct hf_fingerprint *f, const struct parameter *p);

static bool add_string(struct hf_fingerprint *f, const struct parameter *p)
{
    hf_fingerprint_string(f, p->name, hf_str(p->value));
    return true;
}

static bool is_number_text(const char *text, const char *allowed)
{
    return *text && strspn(text, allowed) == strlen(text);
}

static bool add_int(struct hf_fingerprint *f, const struct parameter *p)
{
    char      *end;
    const bool is_negative = *p->value == '-';
    if (!is_number_text(p->value + is_negative, "0123456789")) return false;
    errno = 0;
    if (is_negative) {
        hf_fingerprint_int(f, p->name, strtoll(p->value, &end, 10));
    } else {
        hf_fingerprint_uint(f, p->name, strtoull(p->value, &end, 10));
    }
    return errno == 0;
}

static bool add_double(struct hf_fingerprint *f, const struct parameter *p)
{
    char        *end;
    const double value = strtod(p->value, &end);
    if (end == p->value || *end || strchr(" \t\n", *p->value)) return false;
    hf_fingerprint_double(f, p->name, value);
    return true;
}

static bool add_bool(struct hf_fingerprint *f, const struct parameter *p)
{
    const bool is_true = strcmp(p->value, "true") == 0;
    if (!is_true && strcmp(p->value, "false") != 0) return false;
    hf_fingerprint_bool(f, p->name, is_true);
    return true;
}

static bool add_null(struct hf_fingerprint *f, const struct parameter *p)
{
    if (*p->value) return false;
    hf_fingerprint_null(f, p->name);
    return true;
}

static unsigned hex_digit(char c)
{
    if (c >= '0' && c <= '9') return (unsigned)(c - '0');
    return (unsigned)((c | 0x20) - 'a' + 10);
}

static bool add_hex(struct hf_fingerprint *f, const struct parameter *p)
{
    const size_t size = strlen(p->value) / 2;
    if (strspn(p->value, "0123456789abcdefABCDEF") != 2 * size) return false;
    unsigned char *bytes = malloc(size + 1);
    if (!bytes) return false;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(hex_digit(p->value[2 * i]) << 4 |
                                   hex_digit(p->value[2 * i + 1]));
    }
    hf_fingerprint_bytes(f, p->name, hf_bytes(bytes, size));
    free(bytes);
    return true;
}

static bool add_file(struct hf_fingerprint *f, const struct parameter *p)
{
    hf_fingerprint_file(f, p->name, p->value);
    return true;
}

/* Texts between commas; "" is a list of none. */
static void add_members(struct hf_fingerprint *f, const struct parameter *p,
                        enum hf_list_kind kind)
{
    hf_fingerprint_list(f, p->name, kind);
    for (const char *at = *p->value ? p->value : NULL; at;) {
        const char *comma = strchr(at, ',');
        const char *end = comma ? comma : at + strlen(at);
        hf_fingerprint_string(f, NULL, hf_bytes(at, (size_t)(end - at)));
        at = comma ? comma + 1 : NULL;
    }
    hf_fingerprint_end(f);
}

static bool add_list(struct hf_fingerprint *f, const struct parameter *p)
{
    add_members(f, p, HF_LIST_ORDERED);
    return true;
}

static bool add_set(struct hf_fingerprint *f, const struct parameter *p)
{
    add_members(f, p, HF_LIST_SET);
    return true;
}

static const struct type {
    const char *name;
    add_fn      add;
    const char *allowed;
} types[] = {
    { "string", add_string, "any text" },
    { "int", add_int, "a whole number from -9223372036854775808 to 18446744073709551615" },
    { "double", add_double, "a number such as 1.5, 2e-3, inf or nan" },
    { "bool", add_bool, "true or false" },
    { "null", add_null, "nothing behind the =" },
    { "hex", add_hex, "pairs of hexadecimal digits" },
    { "file", add_file, "a path" },
    { "list", add_list, "texts with commas between them" },
    { "set", add_set, "texts with commas between them" },
};

enum { TYPES = sizeof types / sizeof types[0] };

static const struct type *find_type(const char *name)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (strcmp(types[i].name, name) == 0) return &types[i];
    }
    struct suggestion s = suggest_for(name);
    for (size_t i = 0; i < TYPES; i++) suggest_offer(&s, types[i].name);
    if (s.best) {
        complain("fingerprint: unknown type \"%s\"; did you mean \"%s\"?", name, s.best);
    } else {
        complain("fingerprint: unknown type \"%s\"; there are string, int, double, bool, "
                 "null, hex, file, list and set",
                 name);
    }
    return NULL;
}

/* The type stands between the last colon of the name and the first '='. */
static bool add_argument(struct hf_fingerprint *f, const char *argument)
{
    const char *equals = strchr(argument, '=');
    if (!equals || equals == argument || equals - argument > NAME_MAX_SIZE) {
        complain("fingerprint: \"%s\" is not NAME=VALUE or NAME:TYPE=VALUE", argument);
        return false;
    }
    struct parameter p = { .value = equals + 1 };
    memcpy(p.name, argument, (size_t)(equals - argument));
    char              *colon = strrchr(p.name, ':');
    const struct type *type = &types[0];
    if (colon) {
        *colon = '\0';
        type = find_type(colon + 1);
        if (!type) return false;
    }
    if (type->add(f, &p)) return true;
    complain("fingerprint: %s: \"%s\" is not understood; allowed: %s", p.name, p.value,
             type->allowed);
    return false;
}

static void print_hex(struct hf_bytes bytes)
{
    const unsigned char *at = bytes.data;
    for (size_t i = 0; i < bytes.size; i++) printf("%02x", at[i]);
    putchar('\n');
}

static hf_err print(const struct invocation *inv, struct hf_fingerprint *f,
                    struct hf_error *error)
{
    struct hf_fingerprint_key key;
    struct hf_bytes           encoding;
    hf_err                    err = hf_fingerprint_key(f, &key, error);
    if (!err) err = hf_fingerprint_encoding(f, &encoding, error);
    if (err) return err;
    if (inv->json) {
        json_begin();
        json_text("key", key.text);
        json_count("version", HF_FINGERPRINT_VERSION);
        json_end();
    } else if (inv->values[ENCODING]) {
        print_hex(encoding);
    } else {
        puts(key.text);
    }
    return HF_OK;
}

enum exit_status run_fingerprint(const struct invocation *inv)
{
    struct hf_fingerprint *f;
    struct hf_error        error;
    if (hf_fingerprint_open(NULL, &f)) {
        complain("out of memory");
        return EXIT_USAGE;
    }
    bool is_good = true;
    for (size_t i = 0; i < inv->arg_count && is_good; i++) {
        is_good = add_argument(f, inv->args[i]);
    }
    if (is_good && print(inv, f, &error)) {
        complain("%s", error.detail);
        is_good = false;
    }
    hf_fingerprint_close(f);
    return is_good ? EXIT_OK : EXIT_USAGE;
}
