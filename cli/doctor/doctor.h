/* doctor.h - one examination of a server: checks that each find something to say.
 *
 *     reach.c     where it is: URL, name, port
 *     login.c     whether it lets us in: TLS, login, the first answer
 *     server.c    what INFO and CONFIG say: role, version, memory, persistence, clients
 *     measure.c   what is measured: latency, clocks, an entry's way there and back
 *     keyspace.c  whose keys there are
 *     cmd_doctor.c  the order of it all, and how findings are told
 *
 * Threads:  none.
 * Memory:   fixed. */

#ifndef CLI_DOCTOR_DOCTOR_H
#define CLI_DOCTOR_DOCTOR_H

#include "connection.h"
#include "dial.h"
#include "info.h"

#include <holdfast/health.h>

enum level { LEVEL_OK, LEVEL_WARNING, LEVEL_PROBLEM };

enum { FINDINGS_MAX = 32 };

struct finding {
    enum level  level;
    const char *name;
    char        text[400];
    const char *advice; /* NULL: nothing is to be done. */
};

enum scheme { SCHEME_REDIS, SCHEME_REDISS, SCHEME_UNIX, SCHEME_EMBEDDED };

struct doctor {
    struct connection c;
    struct hf_health  health; /* As of before the first call. */
    enum scheme       scheme;
    char              host[DIAL_HOST_MAX]; /* Or the path of a socket. */
    char              port[DIAL_PORT_MAX];
    bool              is_here; /* The server is on this machine. */
    struct info       info;    /* Empty where it may not be read. */
    bool              has_info;
    struct finding    findings[FINDINGS_MAX];
    size_t            finding_count;
};

/* Adds a finding. */
void doctor_say(struct doctor *d, enum level level, const char *name, const char *advice,
                const char *format, ...) HF_PRINTF(5, 6);

/* Runs a command of a few words; why not is in d->c.error. */
HF_NODISCARD hf_err doctor_ask(struct doctor *d, const char *const *words, size_t count,
                               struct hf_reply **reply);

/* These give false where looking further makes no sense. */
bool doctor_reach(struct doctor *d);
bool doctor_login(struct doctor *d);

void doctor_server(struct doctor *d);
void doctor_measure(struct doctor *d);
void doctor_keyspace(struct doctor *d);

#endif
