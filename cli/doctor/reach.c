#include "doctor.h"

#include "dial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { RESOLVE_S = 5, CONNECT_MS = 3000, ADDRESSES_SHOWN = 4, ADDRESS_SIZE = 64 };

static const char *const scheme_names[] = { "redis://", "rediss://", "unix:", "embedded:" };

/* ---- URL ----------------------------------------------------------------------- */

/* "[::1]:6379/0" or "cache:6379/0". */
static void take_address(struct doctor *d, const char *text)
{
    const bool   in_brackets = text[0] == '[';
    const size_t host = strcspn(text + in_brackets, in_brackets ? "]" : ":/");
    const char  *colon = text + in_brackets + host + in_brackets;
    snprintf(d->host, sizeof d->host, "%.*s", (int)host, text + in_brackets);
    if (*colon != ':') return;
    snprintf(d->port, sizeof d->port, "%.*s", (int)strcspn(colon + 1, "/"), colon + 1);
}

static void check_url(struct doctor *d)
{
    size_t scheme = SCHEME_REDIS;
    hf_health_get(d->c.client, &d->health);
    const char *endpoint = d->health.endpoint;
    while (scheme < SCHEME_EMBEDDED &&
           strncmp(endpoint, scheme_names[scheme], strlen(scheme_names[scheme])) != 0) {
        scheme++;
    }
    d->scheme = (enum scheme)scheme;
    endpoint += strlen(scheme_names[scheme]);
    if (scheme == SCHEME_UNIX) {
        snprintf(d->host, sizeof d->host, "%.*s", (int)strcspn(endpoint, "?"), endpoint);
    } else if (scheme != SCHEME_EMBEDDED) {
        take_address(d, endpoint);
    }
    d->is_here = scheme == SCHEME_UNIX || scheme == SCHEME_EMBEDDED;
    doctor_say(d, LEVEL_OK, "url", NULL, "%s", d->health.endpoint);
}

/* ---- Name ---------------------------------------------------------------------- */

static void show_address(const struct addrinfo *a, char text[ADDRESS_SIZE])
{
    if (getnameinfo(a->ai_addr, a->ai_addrlen, text, ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST)) {
        snprintf(text, ADDRESS_SIZE, "?");
    }
}

static void say_addresses(struct doctor *d, const struct addrinfo *found, double ms)
{
    char text[300] = "", one[ADDRESS_SIZE];
    int  count = 0;
    for (const struct addrinfo *a = found; a; a = a->ai_next, count++) {
        const size_t used = strlen(text);
        if (count >= ADDRESSES_SHOWN) continue;
        show_address(a, one);
        snprintf(text + used, sizeof text - used, "%s%s", count ? ", " : "", one);
    }
    const int more = count - ADDRESSES_SHOWN;
    if (more > 0) {
        doctor_say(d, LEVEL_OK, "name", NULL, "%s and %d more, in %.1f ms", text, more, ms);
    } else {
        doctor_say(d, LEVEL_OK, "name", NULL, "%s, in %.1f ms", text, ms);
    }
}

static struct addrinfo *check_name(struct doctor *d)
{
    const hf_instant start = hf_now();
    int              failure;
    struct addrinfo *found = dial_lookup(d->host, d->port, RESOLVE_S, &failure);
    const double     ms = (double)hf_between(start, hf_now()).ns / 1e6;
    if (found) {
        say_addresses(d, found, ms);
    } else if (failure) {
        doctor_say(d, LEVEL_PROBLEM, "name",
                   "Check the host in the URL; if it is right, ask whoever keeps the names.",
                   "%s: %s", d->host, gai_strerror(failure));
    } else {
        doctor_say(d, LEVEL_PROBLEM, "name",
                   "The name servers in /etc/resolv.conf do not answer: can they be reached?",
                   "%s: no answer within %d s", d->host, RESOLVE_S);
    }
    return found;
}

/* ---- Port ---------------------------------------------------------------------- */

/* 0, or why not as an errno. */
static int try_connect(const struct sockaddr *address, socklen_t size)
{
    int       reason;
    const int fd = dial_connect(address, size, CONNECT_MS, &reason);
    if (fd >= 0) close(fd);
    return reason;
}

static const char *advice_for(int reason)
{
    switch (reason) {
    case ECONNREFUSED:
        return "Nothing listens there: is redis-server running, and is this its port? Its "
               "`bind` may leave this address out.";
    case ETIMEDOUT:
        return "Packets get lost: a firewall, a wrong address, or the host is off.";
    case EHOSTUNREACH:
    case ENETUNREACH: return "There is no way to that network from here: routes, VPN, IPv6?";
    case ENOENT:
        return "There is no such socket: is redis-server running, with `unixsocket`?";
    case EACCES: return "This user may not use the socket: see `unixsocketperm`.";
    default: return "Check address and port.";
    }
}

static bool check_port(struct doctor *d, const struct addrinfo *addresses)
{
    char text[ADDRESS_SIZE];
    bool is_reached = false, is_first = true;
    for (const struct addrinfo *a = addresses; a && !is_reached; a = a->ai_next) {
        const hf_instant start = hf_now();
        const int        reason = try_connect(a->ai_addr, a->ai_addrlen);
        const double     ms = (double)hf_between(start, hf_now()).ns / 1e6;
        show_address(a, text);
        is_reached = reason == 0;
        d->is_here = is_reached && (strncmp(text, "127.", 4) == 0 || !strcmp(text, "::1"));
        if (is_reached) {
            doctor_say(d, LEVEL_OK, "tcp", NULL, "%s port %s, connected in %.1f ms", text,
                       d->port, ms);
        } else {
            doctor_say(d, a->ai_next || !is_first ? LEVEL_WARNING : LEVEL_PROBLEM, "tcp",
                       advice_for(reason), "%s port %s: %s", text, d->port, strerror(reason));
        }
        is_first = false;
    }
    if (!is_reached && d->findings[d->finding_count - 1].level == LEVEL_WARNING) {
        doctor_say(d, LEVEL_PROBLEM, "tcp", NULL, "none of the addresses can be reached");
    }
    return is_reached;
}

static bool check_socket(struct doctor *d)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memcpy(address.sun_path, d->host, strnlen(d->host, sizeof address.sun_path - 1));
    const int reason = try_connect((const struct sockaddr *)&address, sizeof address);
    if (reason && reason != EAGAIN) {
        doctor_say(d, LEVEL_PROBLEM, "socket", advice_for(reason), "%s: %s", d->host,
                   strerror(reason));
        return false;
    }
    doctor_say(d, LEVEL_OK, "socket", NULL, "connected");
    return true;
}

bool doctor_reach(struct doctor *d)
{
    check_url(d);
    if (d->scheme == SCHEME_EMBEDDED) return true;
    if (d->scheme == SCHEME_UNIX) return check_socket(d);

    struct addrinfo *found = check_name(d);
    const bool       is_reached = found && check_port(d, found);
    if (found) freeaddrinfo(found);
    return is_reached;
}
