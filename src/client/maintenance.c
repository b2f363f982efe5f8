#include "client/client.h"
#include "core/alloc.h"

#include <errno.h>
#include <unistd.h>

/* What tracking may take. */
enum { TRACKED = HF_TRACKINGS_MAX * HF_DIALS_MAX };

/* The wake descriptor, the dials, and every connection there can be. */
static unsigned poll_capacity(const struct hf_client *client)
{
    return 1 + TRACKED + HF_DIALS_MAX + HF_SHARED_MAX + client->options->max_connections;
}

static void wait_for_work(const struct pollfd *fds, unsigned count, hf_instant due)
{
    const hf_duration     left = hf_between(hf_now(), due);
    const struct timespec timeout = { left.ns / 1000000000, left.ns % 1000000000 };
    if (ppoll((struct pollfd *)fds, count, due.ns == INT64_MAX ? NULL : &timeout, NULL) < 0) {
        /* A signal: the loop looks at everything again anyway. */
        return;
    }
}

void *hf_client_maintain(void *arg)
{
    struct hf_client   *client = arg;
    struct hf_endpoint *endpoint = &client->endpoint;
    const unsigned      capacity = poll_capacity(client);
    struct pollfd       few[1 + TRACKED + HF_DIALS_MAX + HF_SHARED_MAX + 32];
    struct pollfd      *fds = few;
    if (capacity > sizeof few / sizeof few[0]) {
        fds = hf_alloc_zero(hf_client_allocator(client), capacity, sizeof *fds);
    }
    const unsigned room = fds ? capacity : sizeof few / sizeof few[0];
    if (!fds) fds = few; /* Connections past the room are looked at when they call. */

    while (!atomic_load(&client->is_stopping)) {
        const hf_instant now = hf_now();
        hf_instant       due = hf_endpoint_tend(endpoint, now);
        due = hf_earlier_of(due, hf_trackings_tend(&client->trackings, now));
        due = hf_earlier_of(due, hf_client_expire_asyncs(client, now));
        hf_client_watch_health(client);

        fds[0] = (struct pollfd){ .fd = client->wake_fd, .events = POLLIN };
        const unsigned count = hf_endpoint_poll(endpoint, fds + 1, room - 1 - TRACKED);
        /* Behind the endpoint's: those only wake, for all are looked at each time. */
        const unsigned tracked = hf_trackings_poll(&client->trackings, fds + 1 + count,
                                                   TRACKED);
        wait_for_work(fds, 1 + count + tracked, due);

        uint64_t wakes;
        if (fds[0].revents && read(client->wake_fd, &wakes, sizeof wakes) < 0) continue;
        hf_endpoint_serve(endpoint, fds + 1, count);
    }
    (void)hf_endpoint_tend(endpoint, hf_now()); /* Ends checks and fences under way. */
    if (fds != few) hf_free(hf_client_allocator(client), fds);
    return NULL;
}
