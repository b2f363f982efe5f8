/* scripted_server.h - a server that plays a script, for stories that a real one cannot tell.
 *
 *     static const struct script_step steps[] = {
 *         SCRIPT_COMMAND("HELLO 3"),
 *         SCRIPT_SEND("-ERR unknown command\r\n"),
 *         SCRIPT_COMMAND("PING"),
 *         SCRIPT_SEND("+PO"),
 *         SCRIPT_CLOSE,
 *     };
 *     struct scripted_server *server = scripted_server_open(&SCRIPT_OF(steps), 1);
 *     ... connect to scripted_server_path(server) ...
 *     scripted_server_verify(server);
 *     scripted_server_close(server);
 *
 * The n-th connection plays the n-th script; one more than there are scripts is closed at
 * once, and is a mismatch. After the last step a connection stays open, silent, until the
 * server is closed.
 *
 * Threads:  any may call; one plays each connection.
 * Memory:   the scripts are the caller's, and live until the server is closed.
 * Time:     a step that waits for the client does so for SCRIPT_BOUND_S at most.
 * Errors:   the first mismatch is kept for scripted_server_verify(). */

#ifndef HF_TESTS_SCRIPTED_SERVER_H
#define HF_TESTS_SCRIPTED_SERVER_H

#include <holdfast/time.h>
#include <stddef.h>

enum { SCRIPT_BOUND_S = 10, SCRIPT_CONNECTIONS_MAX = 64, SCRIPT_TEXT_MAX = 4096 };

enum script_kind {
    SCRIPT_KIND_EXPECT,
    SCRIPT_KIND_COMMAND,
    SCRIPT_KIND_ANY,
    SCRIPT_KIND_SEND,
    SCRIPT_KIND_PAUSE,
    SCRIPT_KIND_HOLD,
    SCRIPT_KIND_EXPECT_CLOSE,
    SCRIPT_KIND_CLOSE,
};

struct script_step {
    enum script_kind kind;
    const char      *text;
    size_t           size;
    int64_t          ms; /* SEND: after each byte, 0 for all at once. PAUSE: how long. */
};

struct script {
    const struct script_step *steps;
    size_t                    count;
};

#define SCRIPT_OF(table)                                                                     \
    ((const struct script){ (table), sizeof(table) / sizeof((table)[0]) })

/* clang-format off */

/* The client sends exactly these bytes next. */
#define SCRIPT_EXPECT(bytes)      { SCRIPT_KIND_EXPECT, (bytes), sizeof(bytes) - 1, 0 }
/* ... exactly this command, whose words are apart by one space each. */
#define SCRIPT_COMMAND(words)     { SCRIPT_KIND_COMMAND, (words), sizeof(words) - 1, 0 }
/* ... some whole command. */
#define SCRIPT_ANY                { SCRIPT_KIND_ANY, NULL, 0, 0 }
/* Send these bytes. */
#define SCRIPT_SEND(bytes)        { SCRIPT_KIND_SEND, (bytes), sizeof(bytes) - 1, 0 }
/* ... with so many milliseconds after each. */
#define SCRIPT_TRICKLE(bytes, ms) { SCRIPT_KIND_SEND, (bytes), sizeof(bytes) - 1, (ms) }
#define SCRIPT_PAUSE(ms)          { SCRIPT_KIND_PAUSE, NULL, 0, (ms) }
/* Wait until the test calls scripted_server_go_on(), once for each hold. */
#define SCRIPT_HOLD               { SCRIPT_KIND_HOLD, NULL, 0, 0 }
/* The client closes, having sent nothing more. */
#define SCRIPT_EXPECT_CLOSE       { SCRIPT_KIND_EXPECT_CLOSE, NULL, 0, 0 }
#define SCRIPT_CLOSE              { SCRIPT_KIND_CLOSE, NULL, 0, 0 }

/* clang-format on */

struct scripted_server;

/* Listens on a unix socket in a private folder. Aborts when it cannot. */
struct scripted_server *scripted_server_open(const struct script *scripts, size_t count);

/* Ends all connections, wherever their scripts are. NULL is fine. */
void scripted_server_close(struct scripted_server *server);

/* Valid until closed. */
const char *scripted_server_path(const struct scripted_server *server);
const char *scripted_server_url(const struct scripted_server *server);

/* Lets one hold go on, the one that waits or the next to come. */
void scripted_server_go_on(struct scripted_server *server);

/* For wait_until(); ctx is the server: some connection waits at a hold. */
bool scripted_server_is_held(void *server);

/* Waits until all scripts are played to their ends, or the first mismatch. NULL when all went
 * as written, else the mismatch in words, valid until closed. */
const char *scripted_server_outcome(struct scripted_server *server);

/* The same, and fails the test with the words. */
void scripted_server_verify(struct scripted_server *server);

#endif
