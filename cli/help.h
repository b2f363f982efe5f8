/* help.h - what the tool says about itself.
 *
 * Everything is printed from the tables of commands and options, to standard output. */

#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "command.h"

/* Text in lines of at most 78 columns, or as many as a narrower terminal has, that begin at
 * the indent; the first is already there. */
void help_wrapped(const char *text, int indent);

void help_overview(void);
void help_command(const struct command *command);
void help_options(void);

#endif
