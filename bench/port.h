/* port.h - ports of 127.0.0.1 that nobody uses. */

#ifndef BENCH_PORT_H
#define BENCH_PORT_H

/* Listens on a free port and writes which; the descriptor is the caller's. */
int port_listen(int *port);

/* A port that was free a moment ago. */
int port_free(void);

#endif
