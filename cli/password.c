#include "password.h"

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { PASSWORD_MAX = 4096 };

static bool give(struct hf_options *options, char *line)
{
    struct hf_error error;
    const hf_err    err = hf_options_set(options, "password", line, &error);
    explicit_bzero(line, PASSWORD_MAX + 2);
    if (err) complain("%s", error.detail);
    return !err;
}

/* Reads to the end of the line or of the input; the line's end is cut off. */
static ssize_t read_line(int fd, char *line, size_t size)
{
    size_t used = 0;
    while (used + 1 < size) {
        const ssize_t n = read(fd, line + used, 1);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0 || line[used] == '\n') break;
        used++;
    }
    if (used > 0 && line[used - 1] == '\r') used--;
    line[used] = '\0';
    return (ssize_t)used;
}

bool secret_from_file(const char *flag, const char *path, char *text, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        complain("%s %s: %s", flag, path, strerror(errno));
        return false;
    }
    struct stat info;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 077)) {
        complain("warning: %s %s can be read by others (chmod 600 %s)", flag, path, path);
    }
    const ssize_t length = read_line(fd, text, size);
    const int     reason = errno;
    close(fd);
    if (length > 0) return true;
    complain("%s %s: %s", flag, path, length < 0 ? strerror(reason) : "is empty");
    return false;
}

bool password_from_file(struct hf_options *options, const char *path)
{
    char line[PASSWORD_MAX + 2];
    return secret_from_file("--password-file", path, line, sizeof line) &&
           give(options, line);
}

bool password_from_prompt(struct hf_options *options)
{
    const int      fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    struct termios before;
    if (fd < 0 || tcgetattr(fd, &before) != 0) {
        complain("--ask-password needs a terminal; use --password-file or REDIS_PASSWORD");
        if (fd >= 0) close(fd);
        return false;
    }
    /* Signals from the keyboard are off meanwhile, so that the echo always comes back. */
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    tcsetattr(fd, TCSAFLUSH, &silent);
    dprintf(fd, "Redis password: ");

    char          line[PASSWORD_MAX + 2];
    const ssize_t size = read_line(fd, line, sizeof line);
    tcsetattr(fd, TCSAFLUSH, &before);
    dprintf(fd, "\n");
    close(fd);
    if (size > 0 && memchr(line, 3, (size_t)size) == NULL) return give(options, line);

    complain("no password was given");
    explicit_bzero(line, sizeof line);
    return false;
}

void password_hide(char *url)
{
    char *start = strstr(url, "://");
    char *at = strrchr(url, '@');
    start = start ? start + 3 : url;
    if (at && at > start) memset(start, '*', (size_t)(at - start));
}
