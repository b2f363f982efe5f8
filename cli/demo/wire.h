/* wire.h - a connection of the demo's own to its Redis, beside the library.
 *
 * With it the demo hurts the server, and sees for itself when the server is back, so that
 * the library is not asked to judge itself. It speaks just enough: one inline command, one
 * simple or bulk reply.
 *
 * Threads:  none; one thread per connection. */

#ifndef CLI_DEMO_WIRE_H
#define CLI_DEMO_WIRE_H

#include <holdfast/time.h>
#include <stdbool.h>
#include <stddef.h>

enum { WIRE_REPLY_MAX = 16384 };

struct wire {
    int  fd;
    char reply[WIRE_REPLY_MAX]; /* Of the last command, with a NUL. */
};

/* False when nobody listens there. */
bool wire_open(struct wire *w, const char *socket_path);
void wire_close(struct wire *w);

/* Sends the command and reads its reply; false on an error reply, a closed connection or
 * when the time is over. */
bool wire_command(struct wire *w, const char *command, hf_duration timeout);

/* Waits until the server has closed the connection, as it does when it dies. */
bool wire_wait_closed(struct wire *w, hf_duration timeout);

/* One attempt to connect and PING: true on +PONG. */
bool wire_probe(const char *socket_path, hf_duration timeout);

#endif
