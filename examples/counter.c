/* Counts visitors with INCR, which must not be sent twice: when the answer is lost, the
 * library says "outcome unknown" instead of guessing, and the program decides.
 *
 * Here the decision is to count by the unique visitor: SADD gives the same result however
 * often it is sent, so the library may repeat it by itself. */

#include <holdfast/holdfast.h>
#include <inttypes.h>
#include <stdio.h>

/* One command of plain words that answers with a number. */
static hf_err ask(struct hf_client *client, const char *const words[], size_t count,
                  int64_t *number, struct hf_error *error)
{
    struct hf_bytes      argv[8];
    struct hf_reply     *reply;
    const struct hf_call call = { .timeout = hf_ms(500) };

    for (size_t i = 0; i < count; i++) argv[i] = hf_str(words[i]);
    hf_err err = hf_client_command(client, &call, argv, count, &reply, error);
    if (err) return err;
    err = hf_reply_int(reply, number);
    hf_reply_free(reply);
    return err;
}

/* The exact way, where a lost answer is told and not hidden. */
static void count_visit(struct hf_client *client)
{
    const char *const words[] = { "INCR", "visits" };
    struct hf_error   error = { 0 };
    int64_t           visits;

    const hf_err err = ask(client, words, 2, &visits, &error);
    if (err == HF_OK) {
        printf("visit %" PRId64 "\n", visits);
    } else if (hf_err_outcome_unknown(err)) {
        printf("one visit more or not, nobody can know: %s\n", error.detail);
    } else {
        printf("not counted: %s\n", error.detail);
    }
}

/* The repeatable way. */
static void count_visitor(struct hf_client *client, const char *name)
{
    const char *const words[] = { "SADD", "visitors", name };
    struct hf_error   error = { 0 };
    int64_t           added;

    if (ask(client, words, 3, &added, &error) == HF_OK) {
        printf("%s is %s\n", name, added ? "new" : "known");
    } else {
        printf("not counted: %s\n", error.detail);
    }
}

int main(void)
{
    struct hf_options *options = NULL;
    struct hf_client  *client = NULL;
    struct hf_error    error = { 0 };

    if (hf_options_open(&options) || hf_options_set(options, "url", "embedded:", &error) ||
        hf_client_open(options, &client, &error)) {
        fprintf(stderr, "cannot start: %s\n", error.detail);
        return 1;
    }
    count_visit(client);
    count_visit(client);
    count_visitor(client, "Grace");
    count_visitor(client, "Grace");

    hf_client_close(client);
    hf_options_close(options);
    return 0;
}
