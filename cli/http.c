#include "http.h"

#include "dial.h"

#include <ctype.h>
#include <errno.h>
#include <holdfast/time.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QUESTION_MAX = 2048, FIRST_SIZE = 16 * 1024 };

/* ---- What came ----------------------------------------------------------------- */

/* The value of a header, up to the end of its line, or NULL. head ends with an empty line. */
static const char *header(const char *head, const char *name)
{
    const size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) != 0 || line[length] != ':') continue;
        return line + length + 1 + strspn(line + length + 1, " \t");
    }
    return NULL;
}

/* Puts the chunks together, in place. False when one is cut or makes no sense. */
static bool join_chunks(char *body, size_t size, size_t *joined)
{
    size_t at = 0, used = 0;
    for (;;) {
        const char         *line = memchr(body + at, '\n', size - at);
        const bool          is_number = line && isxdigit((unsigned char)body[at]);
        const unsigned long n = is_number ? strtoul(body + at, NULL, 16) : ULONG_MAX;
        if (!line || n > HTTP_BODY_MAX) return false;
        at = (size_t)(line + 1 - body);
        if (n == 0) break;
        if (n > size - at || size - at - n < 2) return false;
        memmove(body + used, body + at, n);
        used += n;
        at += n + 2;
    }
    *joined = used;
    return true;
}

static const char *take_body(const char *head, char *body, size_t size, size_t *taken)
{
    const char *coding = header(head, "Transfer-Encoding");
    const char *length = header(head, "Content-Length");
    *taken = size;
    if (coding && strncasecmp(coding, "chunked", 7) == 0) {
        return join_chunks(body, size, taken) ? NULL : "the answer is cut or garbled";
    }
    if (!length) return NULL;
    char               *end;
    const unsigned long n = strtoul(length, &end, 10);
    if (end == length || *length == '-' || n > size) return "the answer is cut or garbled";
    *taken = n;
    return NULL;
}

/* 0 where there is none. */
static int status_of(const char *line)
{
    static const char version[] = "HTTP/1.";
    const size_t      size = sizeof version - 1;
    if (strncmp(line, version, size) != 0) return 0;
    if (line[size] != '0' && line[size] != '1') return 0;
    if (line[size + 1] != ' ') return 0;
    const long status = strtol(line + size + 2, NULL, 10);
    return status >= 100 && status <= 999 ? (int)status : 0;
}

const char *http_parse(char *bytes, size_t size, struct http_answer *answer)
{
    char *end = memmem(bytes, size, "\r\n\r\n", 4);
    if (!end || end - bytes > HTTP_HEAD_MAX || memchr(bytes, '\0', (size_t)(end - bytes))) {
        return "the answer is not HTTP";
    }
    end[2] = '\0'; /* Of the empty line. */
    const int status = status_of(bytes);
    if (status == 0) return "the answer is not HTTP";
    char       *body = end + 4;
    size_t      taken = 0;
    const char *wrong = take_body(bytes, body, size - (size_t)(body - bytes), &taken);
    if (wrong) return wrong;

    char *copy = malloc(taken + 1);
    if (!copy) return "out of memory";
    memcpy(copy, body, taken);
    copy[taken] = '\0';
    *answer = (struct http_answer){ status, copy, taken };
    return NULL;
}

void http_answer_free(struct http_answer *answer)
{
    free(answer->body);
    *answer = (struct http_answer){ 0 };
}

/* ---- The wire ------------------------------------------------------------------ */

static int left_ms(hf_instant end)
{
    const int64_t ms = hf_to_ms(hf_between(hf_now(), end));
    return ms < 0 ? 0 : (int)ms;
}

static bool wait_for(int fd, short events, hf_instant end)
{
    struct pollfd p = { .fd = fd, .events = events };
    int           ready;
    do {
        ready = poll(&p, 1, left_ms(end));
    } while (ready < 0 && errno == EINTR && left_ms(end) > 0);
    return ready > 0;
}

static const char *no_answer = "no answer in time";

static const char *send_all(int fd, const char *text, size_t size, hf_instant end)
{
    while (size > 0) {
        const ssize_t n = send(fd, text, size, MSG_NOSIGNAL);
        if (n > 0) {
            text += n;
            size -= (size_t)n;
        } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return strerror(errno);
        } else if (!wait_for(fd, POLLOUT, end)) {
            return no_answer;
        }
    }
    return NULL;
}

/* Until the other side closes. */
static const char *receive_all(int fd, char **bytes, size_t *size, hf_instant end)
{
    size_t room = 0;
    *size = 0;
    for (;;) {
        if (*size == room) {
            const size_t larger = room ? room * 2 : FIRST_SIZE;
            char        *moved = realloc(*bytes, larger);
            if (!moved) return "out of memory";
            *bytes = moved;
            room = larger;
        }
        const ssize_t n = recv(fd, *bytes + *size, room - *size, 0);
        if (n == 0) return NULL;
        if (n > 0) {
            *size += (size_t)n;
            if (*size > HTTP_BODY_MAX + HTTP_HEAD_MAX) return "the answer is too large";
        } else if (errno != EAGAIN && errno != EINTR) {
            return strerror(errno);
        }
        if (left_ms(end) == 0 || (n < 0 && !wait_for(fd, POLLIN, end))) return no_answer;
    }
}

static int connect_any(const struct http_question *q, hf_instant end, char *why,
                       size_t why_size)
{
    int              reason = 0, fd = -1, failure;
    struct addrinfo *found = dial_lookup(q->host, q->port, q->seconds, &failure);
    if (!found) {
        snprintf(why, why_size, "%s",
                 failure ? gai_strerror(failure) : "no name server answers");
        return -1;
    }
    for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
        fd = dial_connect(a->ai_addr, a->ai_addrlen, left_ms(end), &reason);
    }
    if (fd < 0) snprintf(why, why_size, "%s", strerror(reason));
    freeaddrinfo(found);
    return fd;
}

static size_t write_question(const struct http_question *q, char text[QUESTION_MAX])
{
    const bool is_ipv6 = strchr(q->host, ':') != NULL;
    const int  size = snprintf(
         text, QUESTION_MAX,
         "%s %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nConnection: close\r\nAccept: "
          "application/json\r\n"
          "Content-Length: 0\r\n%s%s%s\r\n",
         q->method, q->path, is_ipv6 ? "[" : "", q->host, is_ipv6 ? "]" : "", q->port,
        *q->token ? "Authorization: Bearer " : "", q->token, *q->token ? "\r\n" : "");
    return (size_t)size;
}

bool http_ask(const struct http_question *q, struct http_answer *answer, char *why,
              size_t why_size)
{
    const hf_instant end = hf_later(hf_now(), hf_seconds((uint32_t)q->seconds));
    char             text[QUESTION_MAX];
    char            *bytes = NULL;
    size_t           size = 0;
    *answer = (struct http_answer){ 0 };
    const int fd = connect_any(q, end, why, why_size);
    if (fd < 0) return false;

    const char *wrong = send_all(fd, text, write_question(q, text), end);
    if (!wrong) wrong = receive_all(fd, &bytes, &size, end);
    if (!wrong) wrong = http_parse(bytes, size, answer);
    if (wrong) snprintf(why, why_size, "%s", wrong);
    explicit_bzero(text, sizeof text);
    free(bytes);
    close(fd);
    return !wrong;
}
