/* screen.h - the terminal while a live view has it: its second screen, keys as they are
 * typed.
 *
 *     if (!screen_enter()) return ...;       not a terminal
 *     while ((key = screen_wait(until)) != KEY_QUIT) draw();
 *     screen_leave();
 *
 * It is given back as it was on every way out: leaving, SIGINT, SIGTERM, SIGHUP, SIGQUIT, a
 * crash; and lent back while the process is stopped by ^Z.
 *
 * Threads:  one, but for screen_wake(); there is one terminal. */

#ifndef CLI_TOP_SCREEN_H
#define CLI_TOP_SCREEN_H

#include <holdfast/time.h>
#include <stdbool.h>

/* What is not one of these is the character itself. */
enum screen_key {
    KEY_NONE = 0, /* The time has come, or the size has changed. */
    KEY_QUIT = 256,
    KEY_UP,
    KEY_DOWN,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_ESCAPE,
    KEY_BACKSPACE = 127,
};

/* False when input and output are not both a terminal. */
bool screen_enter(void);
void screen_leave(void);

/* The next key, at most until then. KEY_QUIT also for a signal and the end of the input. */
int screen_wait(hf_instant until);

/* Ends a wait, or the next one, with KEY_NONE. From any thread. */
void screen_wake(void);

/* The signal that ended it, or 0. */
int screen_signal(void);

#endif
