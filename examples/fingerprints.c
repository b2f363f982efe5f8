/* Caches the answer to a request under the fingerprint of what was asked for. */

#include <holdfast/holdfast.h>
#include <stdio.h>

static hf_err key_of(const char *template, int page, const char *const tags[2],
                     struct hf_fingerprint_key *key)
{
    struct hf_fingerprint *f;
    struct hf_error        error;
    if (hf_fingerprint_open(NULL, &f)) return HF_E_NOMEM;

    hf_fingerprint_string(f, "template", hf_str(template));
    hf_fingerprint_int(f, "page", page);
    hf_fingerprint_list(f, "tags", HF_LIST_SET);
    for (int i = 0; i < 2; i++) hf_fingerprint_string(f, NULL, hf_str(tags[i]));
    hf_fingerprint_end(f);

    const hf_err err = hf_fingerprint_key(f, key, &error);
    if (err) fprintf(stderr, "%s\n", error.detail);
    hf_fingerprint_close(f);
    return err;
}

int main(void)
{
    const char *const tags[] = { "paid", "2026" }, *const turned[] = { "2026", "paid" };
    struct hf_fingerprint_key first, again, other;

    if (key_of("invoice", 3, tags, &first) || key_of("invoice", 3, turned, &again) ||
        key_of("invoice", 4, tags, &other))
        return 1;
    printf("first %s\n", first.text);
    printf("again %s\n", again.text);
    printf("other %s\n", other.text);
}
