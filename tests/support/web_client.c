#include "support/web_client.h"

#include "support/die.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int web_connect(uint16_t port)
{
    const struct timeval     limit = { .tv_sec = 30 };
    const struct sockaddr_in to = { .sin_family = AF_INET,
                                    .sin_port = htons(port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0) return fd;
    (void)close(fd);
    return -1;
}

/* Until the end; a reset is one too. */
static char *read_to_end(int fd, size_t *size)
{
    size_t  room = 64 * 1024;
    char   *bytes = malloc(room + 1);
    ssize_t part;
    *size = 0;
    while (bytes && (part = recv(fd, bytes + *size, room - *size, 0)) > 0) {
        *size += (size_t)part;
        if (*size == room) bytes = realloc(bytes, 1 + (room *= 2));
    }
    if (!bytes) die("out of memory");
    bytes[*size] = '\0';
    return bytes;
}

struct web_answer web_send(uint16_t port, const void *request, size_t size)
{
    struct web_answer answer = { 0 };
    size_t            got;
    const int         fd = web_connect(port);
    if (fd < 0) die("cannot connect to port %u", port);
    (void)!send(fd, request, size, MSG_NOSIGNAL);
    answer.head = read_to_end(fd, &got);
    (void)close(fd);

    (void)!sscanf(answer.head, "HTTP/1.%*1[01] %d ", &answer.status);
    char *end = strstr(answer.head, "\r\n\r\n");
    answer.body = end ? end + 4 : answer.head + got;
    if (end) end[2] = '\0';
    answer.body_size = got - (size_t)(answer.body - answer.head);
    return answer;
}

struct web_answer web_ask(uint16_t port, const char *method, const char *target,
                          const char *token)
{
    char request[1024];
    snprintf(request, sizeof request,
             "%s %s HTTP/1.1\r\nHost: x\r\n%s%s%sConnection: close\r\n\r\n", method, target,
             token ? "Authorization: Bearer " : "", token ? token : "", token ? "\r\n" : "");
    return web_send(port, request, strlen(request));
}

void web_answer_free(struct web_answer *answer)
{
    free(answer->head);
    *answer = (struct web_answer){ 0 };
}
