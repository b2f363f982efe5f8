/* guests.h - the connections of an exporter, so that many silent ones keep nobody out.
 *
 * A server that accepts nobody at its limit can be shut by whoever opens connections and says
 * nothing. Here the oldest connection is ended instead, a little before the limit: an honest
 * request takes milliseconds, and is never among the oldest for long.
 *
 * Threads:  one. */

#ifndef HF_EXPORT_GUESTS_H
#define HF_EXPORT_GUESTS_H

#include <stddef.h>

enum { HF_GUESTS_MAX = 48 };

/* Zero-initialised is empty. */
struct hf_guests {
    int    sockets[HF_GUESTS_MAX]; /* In the order of their coming. */
    size_t count;
};

/* Ends the oldest, where there is no room: its socket stays open, and reads as ended. */
void hf_guests_enter(struct hf_guests *guests, int socket);

/* Unknown ones are ignored. */
void hf_guests_leave(struct hf_guests *guests, int socket);

#endif
