#include "help.h"
#include "suggest.h"

#include <string.h>

enum exit_status run_help(const struct invocation *inv)
{
    if (inv->arg_count == 0) {
        help_overview();
        return EXIT_OK;
    }
    const char           *topic = inv->args[0];
    const struct command *command = command_find(topic);
    if (command && inv->arg_count > 1) {
        const char *word = inv->args[1];
        command = command_is_group(command) ? command_find_in_group(word) : NULL;
        if (!command) {
            complain("no help on \"%s %s\"; see holdfast help %s", topic, word, topic);
            return EXIT_USAGE;
        }
    }
    if (command) {
        help_command(command);
        return EXIT_OK;
    }
    if (strcmp(topic, "options") == 0) {
        help_options();
        return EXIT_OK;
    }
    struct suggestion s = suggest_for(topic);
    suggest_offer(&s, "options");
    for (size_t i = 0; command_at(i); i++) suggest_offer(&s, command_at(i)->name);
    if (s.best) {
        complain("no help on \"%s\"; did you mean \"%s\"?", topic, s.best);
    } else {
        complain("no help on \"%s\"; see holdfast help", topic);
    }
    return EXIT_USAGE;
}
