#include "port.h"

#include "die.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

int port_listen(int *port)
{
    struct sockaddr_in where = { .sin_family = AF_INET };
    socklen_t          size = sizeof where;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&where, size) || listen(fd, 1024) ||
        getsockname(fd, (struct sockaddr *)&where, &size)) {
        die("no free port on 127.0.0.1");
    }
    *port = ntohs(where.sin_port);
    return fd;
}

int port_free(void)
{
    int port;
    close(port_listen(&port));
    return port;
}
