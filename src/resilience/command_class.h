/* command_class.h - what may be done with a command: sent twice, waited for, shared.
 *
 * A table of every command of Redis 7.0, by name and, where it matters, by subcommand. Some
 * depend on their arguments: SET is IDEMPOTENT, but not SET ... NX, whose second answer would
 * deny that the first one succeeded. In doubt a command is ACCUMULATING:
 *
 *     READ          changes nothing that lasts
 *     IDEMPOTENT    done twice, the data are as if done once, and the answer is no lie; a
 *                   count in it (DEL, SADD) may be that of the second time, and a relative
 *                   expiry (EXPIRE, SETEX) counts from the second time
 *     ACCUMULATING  everything else, also what answers with the old value (GETDEL, SETBIT),
 *                   with a claim (SETNX, HSETNX), or with a refusal the second time (XADD
 *                   with an id, RENAME, COPY), and all scripts
 *
 * Threads:  any.
 * Cost:     10 to 50 ns, the frequent commands the least; a few more for each argument of
 *           those that depend on them. */

#ifndef HF_RESILIENCE_COMMAND_CLASS_H
#define HF_RESILIENCE_COMMAND_CLASS_H

#include <holdfast/client.h>

struct hf_command_traits {
    enum hf_command_class command_class; /* Never AUTO. */
    bool                  is_blocking;   /* May wait for others: BLPOP, XREAD BLOCK, WAIT. */
    bool                  is_admin;      /* Concerns the server rather than the data. */
    bool                  is_session;    /* Changes its connection: SELECT, MULTI, MONITOR. */
    bool                  is_script;     /* Has no way back when it fails half way: EVAL. */
};

/* argc >= 1. Unknown commands are ACCUMULATING and nothing else. */
struct hf_command_traits hf_command_traits(const struct hf_bytes *argv, size_t argc);

/* Whether the table has it. */
bool hf_command_is_known(struct hf_bytes name);

#endif
