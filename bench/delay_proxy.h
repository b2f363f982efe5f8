/* delay_proxy.h - a process between clients and a server that makes the way longer.
 *
 *     client ---> [ what arrived, due at arrival + delay ] ---> server   and back
 *
 * Each direction keeps what it read in a ring, with the moment at which it is due; nothing
 * waits for anything else. One core carries many times what a server does at this delay.
 *
 * Memory:   256 KiB for each direction; a sender is paused while its ring is full.
 * Errors:   a connection that ends is closed on the other side too. */

#ifndef BENCH_DELAY_PROXY_H
#define BENCH_DELAY_PROXY_H

#include <holdfast/time.h>
#include <sys/types.h>

/* Starts one in front of 127.0.0.1:port; delay is for each direction. Clients go to
 * *proxy_port. End it with child_stop(). */
pid_t delay_proxy_start(int port, hf_duration delay, int *proxy_port);

#endif
