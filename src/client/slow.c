#include "client/slow.h"

#include <stdio.h>

/* Upper case letters and spaces; other bytes are not shown. */
static void copy_name(struct hf_bytes command, char to[HF_SLOW_COMMAND_MAX + 1])
{
    const char  *at = command.data;
    const size_t size = command.size < HF_SLOW_COMMAND_MAX ? command.size
                                                           : HF_SLOW_COMMAND_MAX;
    for (size_t i = 0; i < size; i++) {
        const bool is_lower = at[i] >= 'a' && at[i] <= 'z';
        to[i] = is_lower                      ? (char)(at[i] - 'a' + 'A')
                : at[i] > ' ' && at[i] <= '~' ? at[i]
                                              : '?';
    }
    to[size] = '\0';
}

static void tell_reason(const struct hf_slow_story *s, char to[HF_SLOW_REASON_MAX + 1])
{
    const char *end = s->err ? hf_err_text(s->err) : "answered";
    if (s->attempts > 1) {
        snprintf(to, HF_SLOW_REASON_MAX + 1, "%s at attempt %u; the first: %s", end,
                 s->attempts, hf_err_text(s->first));
    } else {
        snprintf(to, HF_SLOW_REASON_MAX + 1, "%s%s", end, s->err ? "" : " late");
    }
}

void hf_client_note_slow(struct hf_client *client, const struct hf_slow_story *s)
{
    const hf_duration took = hf_between(s->begun, s->ended);
    const hf_duration timeout = hf_between(s->begun, s->deadline);
    if (!hf_slow_log_wants(took, timeout)) return;

    struct hf_slow_call call = {
        .ended = s->ended,
        .took = took,
        .timeout = timeout,
        .attempts = s->attempts,
        .error = s->err,
    };
    copy_name(s->command, call.command);
    tell_reason(s, call.reason);
    hf_slow_log_add(&client->slow_log, &call);
}
