#include "screen.h"

#include "canvas.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

static struct termios        before;
static int                   news[2]; /* A pipe: signals write, who waits reads. */
static volatile sig_atomic_t ended_by, is_stopping, is_taken;
static const char            back[] = "\033[0m\033[?25h\033[?1049l";

void screen_wake(void)
{
    (void)!write(news[1], "", 1);
}

/* Whichever thread a signal comes to, and whenever: who waits, or will, wakes up. */
static void note(int number)
{
    const int reason = errno;
    if (number == SIGTSTP) is_stopping = 1;
    if (number != SIGTSTP && number != SIGWINCH) ended_by = number;
    screen_wake();
    errno = reason;
}

/* The signal comes again, with nobody to catch it, once this has returned. */
static void give_back_and_die(int number)
{
    if (is_taken) {
        (void)!write(STDOUT_FILENO, back, sizeof back - 1);
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
    }
    raise(number);
}

static void handle(int number, void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

static void take(void)
{
    struct termios raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    canvas_enter();
    is_taken = 1;
}

bool screen_enter(void)
{
    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0) return false;
    if (pipe2(news, O_CLOEXEC | O_NONBLOCK) != 0) return false;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        handle(ends[i], note, SA_RESTART);
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++) {
        handle(crashes[i], give_back_and_die, (int)SA_RESETHAND | SA_NODEFER);
    }
    handle(SIGTSTP, note, SA_RESTART);
    handle(SIGWINCH, note, SA_RESTART);
    take();
    return true;
}

void screen_leave(void)
{
    if (!is_taken) return;
    canvas_leave();
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    is_taken = 0;
}

int screen_signal(void)
{
    return ended_by;
}

/* Until somebody lets it go on. */
static void stop(void)
{
    is_stopping = 0;
    screen_leave();
    raise(SIGSTOP);
    take();
}

static int read_key(void)
{
    static const struct {
        const char *bytes;
        int         key;
    } sequences[] = { { "\033[A", KEY_UP },       { "\033OA", KEY_UP },
                      { "\033[B", KEY_DOWN },     { "\033OB", KEY_DOWN },
                      { "\033[5~", KEY_PAGE_UP }, { "\033[6~", KEY_PAGE_DOWN } };
    char          bytes[16] = "";
    const ssize_t n = read(STDIN_FILENO, bytes, 1);
    if (n <= 0) return n < 0 && errno == EINTR ? KEY_NONE : KEY_QUIT;
    if (bytes[0] == 8) return KEY_BACKSPACE;
    if (bytes[0] == 4) return KEY_QUIT; /* ^D */
    if (bytes[0] != '\033') return (unsigned char)bytes[0];

    /* The rest of a sequence is there at once. */
    (void)!read(STDIN_FILENO, bytes + 1, sizeof bytes - 2);
    if (bytes[1] == '\0') return KEY_ESCAPE;
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
        if (strcmp(sequences[i].bytes, bytes) == 0) return sequences[i].key;
    }
    return KEY_NONE;
}

int screen_wait(hf_instant until)
{
    struct pollfd p[] = { { .fd = STDIN_FILENO, .events = POLLIN },
                          { .fd = news[0], .events = POLLIN } };
    char          bytes[64];
    const int64_t ms = hf_to_ms(hf_between(hf_now(), until));
    (void)!poll(p, 2, ms < 0 ? 0 : (int)ms + 1);
    if (p[1].revents) (void)!read(news[0], bytes, sizeof bytes);
    if (ended_by) return KEY_QUIT;
    if (is_stopping) stop();
    return p[0].revents ? read_key() : KEY_NONE;
}
