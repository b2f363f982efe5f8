/* Guards something that has nothing to do with Redis: a mail server that is down for a
 * minute. Time is handed in, so the minute passes at once here; a program hands in hf_now().
 */

#include <holdfast/breaker.h>
#include <stdio.h>

static void tell(const struct hf_breaker_transition *t, void *ctx)
{
    (void)ctx;
    printf("%3d s: %s -> %s (%s)\n", (int)(t->at.ns / 1000000000),
           hf_breaker_state_name(t->from), hf_breaker_state_name(t->to), t->why);
}

/* The operation: down from second 10 to 70. */
static bool send_mail(hf_instant now)
{
    const int64_t second = now.ns / 1000000000;
    return second < 10 || second >= 70;
}

int main(void)
{
    struct hf_breaker_opts opts = hf_breaker_opts_default();
    struct hf_breaker     *breaker;
    struct hf_error        error;
    int                    sent = 0, failed = 0, refused = 0;

    opts.failures_to_open = 3;
    opts.open_for = hf_seconds(20);
    opts.open_jitter = 0; /* So that this program prints the same each time. */
    if (hf_breaker_open(&opts, &breaker, &error)) {
        fprintf(stderr, "%s\n", error.detail);
        return 1;
    }
    hf_breaker_set_listener(breaker, tell, NULL);

    for (uint32_t second = 0; second < 120; second++) {
        const hf_instant now = { hf_seconds(second).ns };
        struct hf_permit permit;
        if (hf_breaker_admit(breaker, now, &permit)) {
            refused++; /* At once, without waiting for a timeout. */
            continue;
        }
        const bool ok = send_mail(now);
        hf_breaker_report(breaker, now, permit, ok ? HF_OUTCOME_SUCCESS : HF_OUTCOME_FAILURE,
                          hf_ns(0));
        *(ok ? &sent : &failed) += 1;
    }
    printf("%d sent, %d failed, %d not tried\n", sent, failed, refused);
    hf_breaker_close(breaker);
    return 0;
}
