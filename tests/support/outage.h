/* outage.h - stops a real server in each way there is, under load, and checks what its
 * clients go through.
 *
 * What is promised, and checked for every outage, however long: no call outlives its deadline
 * by more than 10 ms of our own; calls fail fast once the breaker is open; the first success
 * comes within 250 ms of the server being back; 90 % of the former rate within 1 s of that;
 * the breaker closes by itself; memory and connections are what they were. "Of our own" means
 * that what the machine was late meanwhile is taken off; of a rate's time, what it let those
 * wait for a processor who had to run for the calls. */

#ifndef HF_TESTS_OUTAGE_H
#define HF_TESTS_OUTAGE_H

#include <holdfast/time.h>

enum outage {
    OUTAGE_HANG,    /* SIGSTOP, SIGCONT. */
    OUTAGE_KILL,    /* SIGKILL, and started again. */
    OUTAGE_DROP,    /* A network that swallows everything; TCP. */
    OUTAGE_RESET,   /* Connections are reset, and new ones too; TCP. */
    OUTAGE_REFUSED, /* Nobody listens, but what is open is cut; TCP. */
    OUTAGES,
};

const char *outage_name(enum outage outage);

/* Runs the whole story once; fails the test that calls it when a promise is broken. */
void outage_play(enum outage outage, hf_duration length);

#endif
