/* scripts.h - the Lua scripts of this folder, each with what it uses of prelude.lua
 * behind its first line.
 *
 * Made by cmake/embed_lua.cmake when the library is built. */

#ifndef HF_TASKS_SCRIPTS_H
#define HF_TASKS_SCRIPTS_H

#include <holdfast/script.h>

struct hf_tasks_script {
    struct hf_script lua;
    const char      *sha1; /* In hexadecimal. */
};

extern const struct hf_tasks_script hf_tasks_lua_cancel;
extern const struct hf_tasks_script hf_tasks_lua_claim;
extern const struct hf_tasks_script hf_tasks_lua_complete;
extern const struct hf_tasks_script hf_tasks_lua_create;
extern const struct hf_tasks_script hf_tasks_lua_delete;
extern const struct hf_tasks_script hf_tasks_lua_fail;
extern const struct hf_tasks_script hf_tasks_lua_heartbeat;
extern const struct hf_tasks_script hf_tasks_lua_list;
extern const struct hf_tasks_script hf_tasks_lua_maintain;
extern const struct hf_tasks_script hf_tasks_lua_pause;
extern const struct hf_tasks_script hf_tasks_lua_release;
extern const struct hf_tasks_script hf_tasks_lua_requeue;
extern const struct hf_tasks_script hf_tasks_lua_schedule;
extern const struct hf_tasks_script hf_tasks_lua_stats;
extern const struct hf_tasks_script hf_tasks_lua_update;

#endif
