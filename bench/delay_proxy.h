/* delay_proxy.h - a process between clients and a server that makes the way longer.
 *
 *     client A --->                                            ---> server
 *     client B ---> [ parcel | parcel | parcel: due at ... ]   ---> server
 *     server   --->                                            ---> client B
 *
 * The delay is the same for all, so one queue in order of arrival is in order of departure
 * too, and a parcel costs one read, one write and nothing else.
 *
 * Memory:   8 MiB; while that is full nothing is read.
 * Errors:   what ends on one side is ended on the other. A receiver that does not read stops
 *           all the others, so this is for small values. */

#ifndef BENCH_DELAY_PROXY_H
#define BENCH_DELAY_PROXY_H

#include <holdfast/time.h>
#include <sys/types.h>

/* Starts one in front of 127.0.0.1:port; delay is for each direction. Clients go to
 * *proxy_port. End it with child_stop(). */
pid_t delay_proxy_start(int port, hf_duration delay, int *proxy_port);

#endif
