/* greeting.h - what a client says first, and what a server that is well answers: steps for
 * the scripts of scripted_server.h. */

#ifndef HF_TESTS_GREETING_H
#define HF_TESTS_GREETING_H

#include "support/scripted_server.h"

/* id is a string: what the server calls the connection. */
#define GREETING(id)                                                                         \
    SCRIPT_COMMAND("HELLO 3"), SCRIPT_SEND("%1\r\n$5\r\nproto\r\n:3\r\n"),                   \
        SCRIPT_COMMAND("SELECT 0"), SCRIPT_COMMAND("PING"), SCRIPT_COMMAND("INFO server"),   \
        SCRIPT_COMMAND("CLIENT ID"), SCRIPT_COMMAND("CLIENT SETNAME holdfast"),              \
        SCRIPT_SEND("+OK\r\n+PONG\r\n$14\r\n#\r\nrun_id:ab\r\n\r\n:" id "\r\n+OK\r\n")

/* The fence against the connection with this id. */
#define KILL(id) SCRIPT_COMMAND("CLIENT KILL ID " id)

#endif
