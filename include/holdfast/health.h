/* health.h - how the server is, in a word and in words, without asking it now.
 *
 *     struct hf_health health;
 *     hf_health_get(client, &health);
 *     printf("%s: %s\n", hf_status_name(health.status), health.reason);
 *
 * The answer comes from the last background check, the last attempts to connect and the
 * circuit breaker; hf_health_check() makes a check due at once.
 *
 * Threads:  any.
 * Fork:     in a child it is DOWN with HF_E_FORKED.
 * Memory:   the struct is the caller's, nothing in it points anywhere.
 * Cost:     short locks, never the network. */

#ifndef HOLDFAST_HEALTH_H
#define HOLDFAST_HEALTH_H

#include <holdfast/breaker.h>
#include <holdfast/client.h>

HF_BEGIN_DECLS

enum hf_status {
    HF_STATUS_UP,       /* It answers. */
    HF_STATUS_DEGRADED, /* It answers, but not everything works: the reason says what. */
    HF_STATUS_DOWN,     /* It does not, or the breaker is open. */
};

/* clang-format off */

/*    field                help */
#define HF_HEALTH_MAP(X)                                                                     \
    X(connections_open,   "Connections that are up")                                         \
    X(connections_idle,   "Of these, those that a call could have for itself")               \
    X(connections_leased, "Of these, those that a call has for itself")                      \
    X(connections_wanted, "Calls that wait for a connection of their own")                   \
    X(connections_max,    "Limit of connections")                                            \
    X(calls_under_way,    "Calls that have begun and not ended")                             \
    X(calls_max,          "Limit of them")                                                   \
    X(retries_left,       "Retries that the budget has now, of at most a hundred")           \
    X(protocol,           "2 or 3, the version of RESP; 0 while there is no connection")

/* clang-format on */

struct hf_health {
    enum hf_status             status;
    char                       reason[HF_ERROR_DETAIL_MAX]; /* For people. */
    char                       endpoint[320]; /* "redis://10.0.0.7:6379/0", no secrets. */
    hf_err                     error;         /* Of the last failed check; HF_OK when up. */
    struct hf_breaker_snapshot breaker;
    hf_instant                 checked;    /* When the last check ended; {0}: never. */
    hf_duration                check_took; /* A connection's making counts as a check too. */
#define X(field, help) uint32_t field;
    HF_HEALTH_MAP(X)
#undef X
    bool   is_fence_whole; /* False: late commands of abandoned
                              connections could not be ruled out. */
    hf_err near_error;     /* Why near caches are off; HF_OK while they are
                            * on, being set up, or not asked for. */
};

HF_API void hf_health_get(struct hf_client *client, struct hf_health *health);

/* As one JSON object, NUL-terminated; ages and durations are in seconds. *length is what all
 * of it takes without the NUL. HF_E_TOO_LARGE when it has no room: then nothing is written;
 * 16 KiB are enough. HF_E_NOMEM. */
HF_API HF_NODISCARD hf_err hf_health_json(struct hf_client *client, char *to, size_t size,
                                          size_t *length);

struct hf_health_number {
    const char *name; /* The field's, "connections_open". */
    const char *help; /* One sentence without a full stop. */
};

/* Row number index of HF_HEALTH_MAP; NULL past the end. */
HF_API const struct hf_health_number *hf_health_number_at(size_t index);

/* What that row holds; 0 past the end. */
HF_API uint32_t hf_health_number(const struct hf_health *health, size_t index);

/* Makes the next background check due now, and returns at once. */
HF_API void hf_health_check(struct hf_client *client);

/* Breaker by hand; see breaker.h. HF_E_INVALID for a state that cannot be forced. */
HF_API HF_NODISCARD hf_err hf_health_force_breaker(struct hf_client     *client,
                                                   enum hf_breaker_state state);
HF_API void                hf_health_reset_breaker(struct hf_client *client);

/* "up", "degraded", "down". Never NULL. */
HF_API const char *hf_status_name(enum hf_status status);

HF_END_DECLS

#endif
