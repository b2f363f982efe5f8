/* help.h - what the tool says about itself.
 *
 * Everything is printed from the tables of commands and options, to standard output. */

#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "command.h"

void help_overview(void);
void help_command(const struct command *command);
void help_options(void);

#endif
