#include "cache/flight.h"

#include "core/alloc.h"
#include "core/assert.h"
#include "core/condition.h"
#include "core/error.h"
#include "core/hash.h"

#include <stdio.h>

struct hf_flight {
    struct hf_flight *chain; /* Next in the slot. */
    pthread_cond_t    finished;
    unsigned          members;
    bool              is_listed; /* In its slot, to be joined. */
    bool              is_finished;
    bool              has_result;
    hf_err            err;
    char              detail[HF_ERROR_DETAIL_MAX];
    struct hf_value  *value; /* A reference of the flight's own. */
    size_t            size;
    char              key[];
};

void hf_flights_init(struct hf_flights *flights, const struct hf_allocator *a)
{
    *flights = (struct hf_flights){ .allocator = a };
    pthread_mutex_init(&flights->lock, NULL);
}

void hf_flights_deinit(struct hf_flights *flights)
{
    for (size_t i = 0; i < HF_FLIGHT_SLOTS; i++) hf_assert(!flights->guarded.slots[i]);
    pthread_mutex_destroy(&flights->lock);
}

static size_t slot_of(struct hf_bytes key)
{
    return hf_hash64(key, 0) % HF_FLIGHT_SLOTS;
}

static struct hf_flight *find(const struct hf_flights *flights, struct hf_bytes key)
{
    struct hf_flight *flight = flights->guarded.slots[slot_of(key)];
    while (flight &&
           !(flight->size == key.size && memcmp(flight->key, key.data, key.size) == 0)) {
        flight = flight->chain;
    }
    return flight;
}

static struct hf_flight *start(struct hf_flights *flights, struct hf_bytes key)
{
    struct hf_flight *flight = hf_alloc_zero(flights->allocator, 1,
                                             sizeof *flight + key.size);
    if (!flight) return NULL;

    hf_condition_init(&flight->finished);

    struct hf_flight **slot = &flights->guarded.slots[slot_of(key)];
    memcpy(flight->key, key.data, key.size);
    flight->size = key.size;
    flight->is_listed = true;
    flight->chain = *slot;
    *slot = flight;
    return flight;
}

static void unlist(struct hf_flights *flights, struct hf_flight *flight)
{
    if (!flight->is_listed) return;
    struct hf_flight **at =
        &flights->guarded.slots[slot_of(hf_bytes(flight->key, flight->size))];
    while (*at != flight) at = &(*at)->chain;
    *at = flight->chain;
    flight->is_listed = false;
}

hf_err hf_flight_join(struct hf_flights *flights, struct hf_bytes key,
                      struct hf_flight **flight, bool *is_leader)
{
    hf_err err = HF_OK;
    pthread_mutex_lock(&flights->lock);
    struct hf_flight *joined = find(flights, key);
    const bool        is_new = !joined;
    if (is_new) joined = start(flights, key);
    if (joined) {
        joined->members++;
        *flight = joined;
        *is_leader = is_new;
    } else {
        err = HF_E_NOMEM;
    }
    pthread_mutex_unlock(&flights->lock);
    return err;
}

void hf_flight_acquire(struct hf_flights *flights, struct hf_flight *flight)
{
    pthread_mutex_lock(&flights->lock);
    hf_assert(flight->members > 0);
    flight->members++;
    pthread_mutex_unlock(&flights->lock);
}

enum hf_flight_end hf_flight_wait(struct hf_flights *flights, struct hf_flight *flight,
                                  hf_instant end, hf_err *err, struct hf_value **value,
                                  struct hf_error *error)
{
    pthread_mutex_lock(&flights->lock);
    while (!flight->is_finished &&
           hf_condition_wait(&flight->finished, &flights->lock, end)) {
    }
    const bool has_result = flight->has_result;
    const bool is_finished = flight->is_finished;
    if (has_result) {
        *err = flight->err;
        if (!flight->err) *value = hf_value_acquire(flight->value);
        if (flight->err && flight->err != HF_MISS) {
            hf_fail(error, flight->err, "%s", flight->detail);
        }
    }
    pthread_mutex_unlock(&flights->lock);
    if (has_result) return HF_FLIGHT_LANDED;
    return is_finished ? HF_FLIGHT_CRASHED : HF_FLIGHT_DELAYED;
}

void hf_flight_offer(struct hf_flights *flights, struct hf_flight *flight, hf_err err,
                     struct hf_value *value, const char *detail)
{
    hf_assert((err == HF_OK) == (value != NULL));
    pthread_mutex_lock(&flights->lock);
    hf_assert(!flight->has_result && !flight->is_finished);
    flight->has_result = true;
    flight->err = err;
    flight->value = value ? hf_value_acquire(value) : NULL;
    snprintf(flight->detail, sizeof flight->detail, "%s", detail);
    pthread_mutex_unlock(&flights->lock);
}

void hf_flight_finish(struct hf_flights *flights, struct hf_flight *flight)
{
    pthread_mutex_lock(&flights->lock);
    unlist(flights, flight);
    flight->is_finished = true;
    pthread_cond_broadcast(&flight->finished);
    pthread_mutex_unlock(&flights->lock);
}

void hf_flight_leave(struct hf_flights *flights, struct hf_flight *flight)
{
    pthread_mutex_lock(&flights->lock);
    hf_assert(flight->members > 0);
    const bool is_last = --flight->members == 0;
    hf_assert(!is_last || !flight->is_listed);
    pthread_mutex_unlock(&flights->lock);
    if (!is_last) return;

    hf_value_release(flight->value);
    pthread_cond_destroy(&flight->finished);
    hf_free(flights->allocator, flight);
}

void hf_flight_forget(struct hf_flights *flights, struct hf_bytes key)
{
    pthread_mutex_lock(&flights->lock);
    struct hf_flight *flight = find(flights, key);
    if (flight) unlist(flights, flight);
    pthread_mutex_unlock(&flights->lock);
}

void hf_flight_forget_all(struct hf_flights *flights)
{
    pthread_mutex_lock(&flights->lock);
    for (size_t i = 0; i < HF_FLIGHT_SLOTS; i++) {
        while (flights->guarded.slots[i]) unlist(flights, flights->guarded.slots[i]);
    }
    pthread_mutex_unlock(&flights->lock);
}
