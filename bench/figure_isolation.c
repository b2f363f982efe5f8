#include "child.h"
#include "die.h"
#include "figures.h"
#include "ours.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Fetches large values without a pause until told to stop. */
struct fetcher {
    struct hf_client     *client;
    const struct dataset *data;
    pthread_t             thread;
    atomic_bool           stop;
};

static void *fetch(void *ctx)
{
    struct fetcher      *fetcher = ctx;
    const struct hf_call call = { .expect_large = true };
    for (size_t i = 0; !atomic_load(&fetcher->stop); i++) {
        const struct hf_bytes key = fetcher->data->keys[i % fetcher->data->count];
        if (!ours_get(fetcher->client, &call, key, fetcher->data->value)) {
            die("a large value was answered wrongly");
        }
    }
    return NULL;
}

static void *shared_open(struct lab *lab, const struct address *address)
{
    struct fetcher *fetcher = calloc(1, sizeof *fetcher);
    if (!fetcher) die("out of memory");
    fetcher->client = ours_open(address, NULL, NULL);
    fetcher->data = lab_dataset(lab, HUGE_VALUE);
    if (pthread_create(&fetcher->thread, NULL, fetch, fetcher)) die("cannot start a thread");
    return fetcher;
}

static void shared_close(void *shared)
{
    struct fetcher *fetcher = shared;
    atomic_store(&fetcher->stop, true);
    pthread_join(fetcher->thread, NULL);
    hf_client_close(fetcher->client);
    free(fetcher);
}

static void *shared_join(void *shared)
{
    return ((struct fetcher *)shared)->client;
}

double p99_beside_large_gets(struct lab *lab, const struct load *load,
                             const struct driver *driver)
{
    (void)driver;
    struct driver beside = holdfast;
    beside.open = shared_open;
    beside.close = shared_close;
    beside.join = shared_join;
    return load_run(lab, load, &beside).p99_us;
}

static void fetch_for_ever(void *ctx)
{
    struct lab    *lab = ctx;
    struct fetcher fetcher = { .data = lab_dataset(lab, HUGE_VALUE) };
    fetcher.client = ours_open(&lab->server.unix_address, NULL, NULL);
    fetch(&fetcher);
}

double p99_beside_large_process(struct lab *lab, const struct load *load,
                                const struct driver *driver)
{
    (void)driver;
    lab_dataset(lab, HUGE_VALUE);
    const pid_t  process = child_start(fetch_for_ever, lab);
    const double figure = load_run(lab, load, &holdfast).p99_us;
    child_stop(process);
    return figure;
}
