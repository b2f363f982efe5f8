#include "load.h"

#include "child.h"
#include "delay_proxy.h"
#include "die.h"
#include "histogram.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { BURNERS_MAX = 8, SLICES_MAX = 100 };

enum phase { WARM_UP, MEASURE, STOP };

struct run {
    const struct load    *load;
    const struct driver  *driver;
    const struct dataset *data;
    void                 *shared;
    pthread_barrier_t     joined;
    _Atomic enum phase    phase;
    atomic_bool           answered; /* At least one call counts. */
};

/* One thread; apart in memory, so that counting does not disturb the neighbour. */
struct caller {
    _Alignas(64) struct run *run;
    pthread_t        thread;
    uint64_t         random;
    uint64_t         wrong;
    struct histogram latency;
};

struct reading {
    hf_instant at;
    double     cpu_s;
};

static struct reading read_meters(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (struct reading){
        .at = hf_now(),
        .cpu_s = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                 (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6,
    };
}

static void rest(hf_duration d)
{
    const struct timespec t = { d.ns / 1000000000, d.ns % 1000000000 };
    nanosleep(&t, NULL);
}

static struct hf_bytes any_key(struct caller *caller)
{
    const struct dataset *data = caller->run->data;
    caller->random ^= caller->random << 13;
    caller->random ^= caller->random >> 7;
    caller->random ^= caller->random << 17;
    return data->keys[caller->random % data->count];
}

static bool call_once(const struct run *run, void *handle, struct hf_bytes key)
{
    const struct hf_bytes value = run->data->value;
    if (run->load->operation == GET) return run->driver->get(handle, key, value);
    return run->driver->set(handle, key, value);
}

static enum phase phase_of(const struct run *run)
{
    return atomic_load_explicit(&run->phase, memory_order_relaxed);
}

static void count(struct caller *caller, hf_duration took)
{
    struct run *run = caller->run;
    histogram_add(&caller->latency, (uint64_t)took.ns);
    if (!atomic_load_explicit(&run->answered, memory_order_relaxed)) {
        atomic_store_explicit(&run->answered, true, memory_order_relaxed);
    }
}

static void *call_until_stopped(void *arg)
{
    struct caller *caller = arg;
    struct run    *run = caller->run;
    void          *handle = run->driver->join(run->shared);
    enum phase     begun_in;

    pthread_barrier_wait(&run->joined);
    while ((begun_in = phase_of(run)) != STOP) {
        const struct hf_bytes key = any_key(caller);
        const hf_instant      begun = hf_now();
        if (!call_once(run, handle, key)) {
            caller->wrong++;
            break;
        }
        const hf_duration took = hf_between(begun, hf_now());
        if (begun_in == MEASURE && phase_of(run) == MEASURE) count(caller, took);
    }
    run->driver->leave(handle);
    return NULL;
}

static struct caller *callers_start(struct run *run)
{
    const int      count = run->load->threads;
    struct caller *callers = aligned_alloc(64, (size_t)count * sizeof *callers);
    if (!callers) die("out of memory");
    pthread_barrier_init(&run->joined, NULL, (unsigned)count + 1);
    for (int i = 0; i < count; i++) {
        callers[i] = (struct caller){ .run = run };
        callers[i].random = UINT64_C(0x9E3779B97F4A7C15) * (uint64_t)(i + 1);
        if (pthread_create(&callers[i].thread, NULL, call_until_stopped, &callers[i])) {
            die("cannot start %d threads", count);
        }
    }
    pthread_barrier_wait(&run->joined);
    return callers;
}

static void callers_end(struct run *run, struct caller *callers, struct histogram *latency)
{
    uint64_t wrong = 0;
    for (int i = 0; i < run->load->threads; i++) {
        pthread_join(callers[i].thread, NULL);
        histogram_merge(latency, &callers[i].latency);
        wrong += callers[i].wrong;
    }
    pthread_barrier_destroy(&run->joined);
    free(callers);
    if (wrong) die("%s: %d calls were answered wrongly", run->driver->name, (int)wrong);
}

static struct load_result drive(struct run *run, hf_duration slice)
{
    struct histogram latency = { 0 };
    struct caller   *callers = callers_start(run);

    rest(hf_ns(slice.ns / 4));
    const struct reading begun = read_meters();
    atomic_store(&run->phase, MEASURE);
    for (int i = 0; i == 0 || (i < SLICES_MAX && !atomic_load(&run->answered)); i++)
        rest(slice);
    atomic_store(&run->phase, STOP);
    const struct reading ended = read_meters();

    callers_end(run, callers, &latency);
    if (latency.total == 0) die("%s: no call ended in time", run->driver->name);
    return (struct load_result){
        .ops_per_s = (double)latency.total * 1e9 / (double)(ended.at.ns - begun.at.ns),
        .p99_us = histogram_quantile(&latency, 0.99) / 1e3,
        .cpu_us_per_op = (ended.cpu_s - begun.cpu_s) * 1e6 / (double)latency.total,
    };
}

struct load_result load_run(struct lab *lab, const struct load *load,
                            const struct driver *driver)
{
    const struct server *server = &lab->server;
    struct address       address = load->link == UNIX_SOCKET ? server->unix_address
                                                             : server->tcp_address;
    struct run           run = { .load = load, .driver = driver };
    pid_t                burners[BURNERS_MAX];
    pid_t                proxy = 0;

    run.data = lab_dataset(lab, load->value_size);
    if (load->link == TCP_RTT_1MS) {
        proxy = delay_proxy_start(server->tcp_address.port, hf_us(500), &address.port);
    }
    for (int i = 0; i < load->burners; i++) burners[i] = child_start(child_burn, NULL);

    run.shared = driver->open(lab, &address);
    const struct load_result result = drive(&run, lab->slice);
    driver->close(run.shared);

    for (int i = 0; i < load->burners; i++) child_stop(burners[i]);
    if (proxy) child_stop(proxy);
    return result;
}
