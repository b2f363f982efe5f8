/* flight.h - one load of a key at a time, whose result all who wait for it share.
 *
 *     join -> leader: loads, finish -> +
 *     join -> follower: wait ----------+--> result
 *     join -> follower: wait, its deadline passes, leave
 *
 * A follower waits no longer than it wants to, whatever the leader does. A flight that was
 * forgotten, because its key was deleted meanwhile, is still shared by those who are in it,
 * but nobody joins it any more.
 *
 * Threads:  any. Every join is followed by one leave; the leader's finish comes before.
 * Memory:   one block for each flight, of which there are at most as many as callers.
 * Errors:   HF_E_NOMEM from joining. */

#ifndef HF_CACHE_FLIGHT_H
#define HF_CACHE_FLIGHT_H

#include <holdfast/alloc.h>
#include <holdfast/cache.h>
#include <pthread.h>

enum { HF_FLIGHT_SLOTS = 256 };

struct hf_flight;

struct hf_flights {
    const struct hf_allocator *allocator;
    pthread_mutex_t            lock;
    struct {
        struct hf_flight *slots[HF_FLIGHT_SLOTS];
    } guarded;
};

void hf_flights_init(struct hf_flights *flights, const struct hf_allocator *a);

/* When nobody is in a flight. */
void hf_flights_deinit(struct hf_flights *flights);

/* *is_leader: nobody loads this key yet; the caller does, and must finish. */
HF_NODISCARD hf_err hf_flight_join(struct hf_flights *flights, struct hf_bytes key,
                                   struct hf_flight **flight, bool *is_leader);

/* Waits until the flight is finished or the time comes. On true *err is its result and, on
 * HF_OK, *value a reference of the caller's own. */
HF_NODISCARD bool hf_flight_wait(struct hf_flights *flights, struct hf_flight *flight,
                                 hf_instant end, hf_err *err, struct hf_value **value);

/* The leader's result for all; value (NULL unless HF_OK) stays the leader's. */
void hf_flight_finish(struct hf_flights *flights, struct hf_flight *flight, hf_err err,
                      struct hf_value *value);

void hf_flight_leave(struct hf_flights *flights, struct hf_flight *flight);

/* From now on a join of this key, or of any, starts a new flight. */
void hf_flight_forget(struct hf_flights *flights, struct hf_bytes key);
void hf_flight_forget_all(struct hf_flights *flights);

#endif
