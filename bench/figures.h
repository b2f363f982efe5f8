/* figures.h - every way to take a figure; rows.c says which row uses which.
 *
 * All are measure_fn; see row.h. */

#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include "row.h"

#define FIGURE_ALONE "--figure-alone"

/* One number of a load put on by the driver: op/s, microseconds, microseconds. */
double throughput(struct lab *lab, const struct load *load, const struct driver *driver);
double p99(struct lab *lab, const struct load *load, const struct driver *driver);
double cpu_per_op(struct lab *lab, const struct load *load, const struct driver *driver);

/* op/s of GETs in batches of 100 in one thread. */
double batch100_holdfast(struct lab *lab, const struct load *load,
                         const struct driver *driver);
double batch100_redis_benchmark(struct lab *lab, const struct load *load,
                                const struct driver *driver);

/* Entries a second that one thread reads from a cache, 100 with each call. */
double get_many_100(struct lab *lab, const struct load *load, const struct driver *driver);

/* Entries a second that a cache is warmed with, and commands that redis-cli --pipe sends. */
double warm_holdfast(struct lab *lab, const struct load *load, const struct driver *driver);
double warm_redis_cli(struct lab *lab, const struct load *load, const struct driver *driver);

/* Keys a second into a file and out of it; and a loop of DUMP and RESTORE, 100 at a time. */
double backup_holdfast(struct lab *lab, const struct load *load, const struct driver *driver);
double restore_holdfast(struct lab *lab, const struct load *load,
                        const struct driver *driver);
double dump_loop(struct lab *lab, const struct load *load, const struct driver *driver);
double restore_loop(struct lab *lab, const struct load *load, const struct driver *driver);

/* Milliseconds for a file of 64 MB into Redis and back into another file, by holdfast and by
 * hiredis; and the memory that holdfast takes for it, above idle. */
double file_trip_holdfast(struct lab *lab, const struct load *load,
                          const struct driver *driver);
double file_trip_hiredis(struct lab *lab, const struct load *load,
                         const struct driver *driver);
double file_trip_bytes(struct lab *lab, const struct load *load, const struct driver *driver);

/* p99 of the load's calls, in microseconds, while something else fetches 16 MB values
 * without a pause: a thread on the same client, or a process with its own. */
double p99_beside_large_gets(struct lab *lab, const struct load *load,
                             const struct driver *driver);
double p99_beside_large_process(struct lab *lab, const struct load *load,
                                const struct driver *driver);

/* Resident bytes that one more idle connection, or one more waiting call, costs. */
double idle_connection_bytes(struct lab *lab, const struct load *load,
                             const struct driver *driver);
double waiting_call_bytes(struct lab *lab, const struct load *load,
                          const struct driver *driver);

/* Nanoseconds: leave and report at a closed breaker; a call that an open one refuses. */
double breaker_closed_ns(struct lab *lab, const struct load *load,
                         const struct driver *driver);
double fail_fast_open_ns(struct lab *lab, const struct load *load,
                         const struct driver *driver);

/* A hit of the near cache, in one thread, or in each of two; the memory of one entry without
 * its key and value; and the share of hits over that of the least recently used. */
double near_hit_ns(struct lab *lab, const struct load *load, const struct driver *driver);
double near_hit_2t_ns(struct lab *lab, const struct load *load, const struct driver *driver);
double near_overhead_bytes(struct lab *lab, const struct load *load,
                           const struct driver *driver);
double near_hit_ratio(struct lab *lab, const struct load *load, const struct driver *driver);

/* What statistics cost, in a process of its own whose library turns them off and on by turns:
 * throughput without over with them; what a hit of the near cache takes more, in ns. */
double stats_cost_ratio(struct lab *lab, const struct load *load,
                        const struct driver *driver);
double stats_cost_near_ns(struct lab *lab, const struct load *load,
                          const struct driver *driver);

/* What such a process does: prints its figure. arguments as given to it. */
int figure_alone(char **arguments);

/* How often 64 threads of two processes, which ask at once, have one cold key loaded. */
double stampede_loads(struct lab *lab, const struct load *load, const struct driver *driver);
/* GETs a second of 1 KiB from a cache, encrypted and not. */
double get_1k_sealed(struct lab *lab, const struct load *load, const struct driver *driver);
double get_1k_plain(struct lab *lab, const struct load *load, const struct driver *driver);

/* What 64 KiB of JSON take in Redis, as a share of themselves; and microseconds to set and
 * get them, with compression and without. */
double json_64k_stored(struct lab *lab, const struct load *load, const struct driver *driver);
double json_64k_us(struct lab *lab, const struct load *load, const struct driver *driver);
double json_64k_raw_us(struct lab *lab, const struct load *load, const struct driver *driver);

/* Microseconds to set 1 MiB that no compression makes smaller, with it and without. */
double set_1m_noise_us(struct lab *lab, const struct load *load, const struct driver *driver);
double set_1m_noise_raw_us(struct lab *lab, const struct load *load,
                           const struct driver *driver);

/* Commands that reached a server for each call made, while it answers BUSY to all. */
double retry_amplification(struct lab *lab, const struct load *load,
                           const struct driver *driver);

/* Microseconds of the server's processor time that a claim takes, of a million pending tasks,
 * and of a thousand. */
double claim_of_many_us(struct lab *lab, const struct load *load,
                        const struct driver *driver);
double claim_of_few_us(struct lab *lab, const struct load *load, const struct driver *driver);

/* Bytes of the server's memory that one more small pending task takes. */
double task_bytes(struct lab *lab, const struct load *load, const struct driver *driver);

/* Tasks that one process creates, claims and completes in a second, 8 at a time; the peer is
 * NAN where node, npm or the network are missing. */
double tasks_per_s(struct lab *lab, const struct load *load, const struct driver *driver);
double tasks_per_s_bullmq(struct lab *lab, const struct load *load,
                          const struct driver *driver);

#endif
