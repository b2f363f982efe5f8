/* command_class.h - what may be done with a command: sent twice, waited for, shared.
 *
 * Threads:  any.
 * Cost:     a search of a short table. */

#ifndef HF_RESILIENCE_COMMAND_CLASS_H
#define HF_RESILIENCE_COMMAND_CLASS_H

#include <holdfast/client.h>

struct hf_command_traits {
    enum hf_command_class command_class; /* Never AUTO. */
    bool                  is_blocking;
    bool                  is_admin;
};

struct hf_command_traits hf_command_traits(const struct hf_bytes *argv, size_t argc);

#endif
