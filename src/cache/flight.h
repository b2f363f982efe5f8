/* flight.h - one load of a key at a time, whose result all who wait for it share.
 *
 *     join -> leader: loads, offer, stores, finish -> +
 *     join -> follower: wait -------------------------+--> result
 *     join -> follower: wait, its deadline passes, leave
 *
 * A follower waits no longer than it wants to, whatever the leader does; when its time is up
 * it takes a result that is offered, though not finished with. A flight that is finished
 * without an offer has come to nothing: who needs a result joins again. A flight that was
 * forgotten, because its key was deleted meanwhile, is still shared by those who are in it,
 * but nobody joins it any more.
 *
 * Threads:  any. Every join and acquire is followed by one leave; the finish comes before
 *           the last.
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

/* One membership more, for a thread that the leader hands its task to. */
void hf_flight_acquire(struct hf_flights *flights, struct hf_flight *flight);

enum hf_flight_end {
    HF_FLIGHT_LANDED,  /* With a result. */
    HF_FLIGHT_CRASHED, /* Finished without one. */
    HF_FLIGHT_DELAYED, /* The time is up. */
};

/* Waits for a result until the time comes. Where there is one, *err is it; on HF_OK *value is
 * a reference of the caller's own, else *error (if not NULL) says why. */
HF_NODISCARD enum hf_flight_end hf_flight_wait(struct hf_flights *flights,
                                               struct hf_flight *flight, hf_instant end,
                                               hf_err *err, struct hf_value **value,
                                               struct hf_error *error);

/* The result, once: value (NULL unless HF_OK) stays the leader's. */
void hf_flight_offer(struct hf_flights *flights, struct hf_flight *flight, hf_err err,
                     struct hf_value *value, const char *detail);

void hf_flight_finish(struct hf_flights *flights, struct hf_flight *flight);

void hf_flight_leave(struct hf_flights *flights, struct hf_flight *flight);

/* From now on a join of this key, or of any, starts a new flight. */
void hf_flight_forget(struct hf_flights *flights, struct hf_bytes key);
void hf_flight_forget_all(struct hf_flights *flights);

#endif
