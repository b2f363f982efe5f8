#include "topology/dialler.h"

#include "core/assert.h"

#include <string.h>

static void check_invariant(const struct hf_dialler *d)
{
    hf_assert(d->count <= HF_DIALS_MAX);
    for (unsigned i = 1; i < d->count; i++) {
        hf_assert(!hf_before(d->dials[i].started, d->dials[i - 1].started));
    }
}

void hf_dialler_init(struct hf_dialler *d, const struct hf_dial_plan *plan,
                     hf_duration timeout, uint64_t seed)
{
    *d = (struct hf_dialler){ .plan = *plan, .timeout = timeout };
    d->plan.resolver = &d->resolver;
    hf_dial_pace_init(&d->pace, seed);
}

void hf_dialler_deinit(struct hf_dialler *d)
{
    for (unsigned i = 0; i < d->count; i++) hf_dial_deinit(&d->dials[i]);
    d->count = 0;
    hf_resolver_deinit(&d->resolver);
}

static void forget(struct hf_dialler *d, unsigned index)
{
    hf_dial_deinit(&d->dials[index]);
    d->count--;
    memmove(&d->dials[index], &d->dials[index + 1], (d->count - index) * sizeof d->dials[0]);
    check_invariant(d);
}

static void start(struct hf_dialler *d, hf_instant now)
{
    if (d->count == HF_DIALS_MAX) forget(d, 1);
    hf_dial_init(&d->dials[d->count++], &d->plan, now, hf_later(now, d->timeout));
    hf_dial_pace_started(&d->pace, now);
    check_invariant(d);
}

void hf_dialler_want(struct hf_dialler *d, unsigned wanted, hf_instant now)
{
    if (wanted == 0) {
        hf_dialler_deinit(d);
        return;
    }
    if (!hf_before(now, hf_dial_pace_next(&d->pace))) start(d, now);
}

bool hf_dialler_step(struct hf_dialler *d, hf_instant now, struct hf_dialled *dialled)
{
    for (unsigned i = 0; i < d->count; i++) {
        struct hf_dial *dial = &d->dials[i];
        if (!hf_dial_step(dial, now)) continue;

        *dialled = (struct hf_dialled){ .transport = { .fd = -1 } };
        if (dial->state == HF_DIAL_READY) {
            dialled->transport = hf_dial_take(dial);
            dialled->greeting = dial->greeting;
        } else {
            dialled->err = dial->error.code;
            dialled->error = dial->error;
            dialled->was_cut_off = dial->has_connected && dialled->err == HF_E_CONNECT;
        }
        hf_dial_pace_ended(&d->pace, now, dialled->err);
        forget(d, i);
        return true;
    }
    return false;
}

unsigned hf_dialler_poll(const struct hf_dialler *d, struct pollfd *fds)
{
    for (unsigned i = 0; i < d->count; i++) {
        fds[i] = (struct pollfd){ .fd = hf_dial_fd(&d->dials[i]),
                                  .events = hf_dial_events(&d->dials[i]) };
    }
    return d->count;
}

hf_instant hf_dialler_next(const struct hf_dialler *d, unsigned wanted)
{
    hf_instant next = wanted ? hf_dial_pace_next(&d->pace) : hf_never();
    for (unsigned i = 0; i < d->count; i++)
        next = hf_earlier_of(next, hf_dial_next(&d->dials[i]));
    return next;
}

void hf_dialler_hurry(struct hf_dialler *d)
{
    hf_dial_pace_hurry(&d->pace);
}
