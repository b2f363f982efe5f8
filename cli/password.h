/* password.h - passwords from where nobody else can read them.
 *
 * Neither is ever an argument: arguments can be seen by everyone on the machine.
 *
 * Memory:   what was read is wiped once the options have it.
 * Errors:   false, after complaining. */

#ifndef CLI_PASSWORD_H
#define CLI_PASSWORD_H

#include <holdfast/options.h>
#include <stdbool.h>

/* The first line of the file. Warns when others can read it. */
bool password_from_file(struct hf_options *options, const char *path);

/* The same of any secret, into text, for a flag of that name. */
bool secret_from_file(const char *flag, const char *path, char *text, size_t size);

/* Asks on the terminal, without echo; interrupting puts the echo back. */
bool password_from_prompt(struct hf_options *options);

/* Overwrites the user and password of a URL where it stands in argv. */
void password_hide(char *url);

#endif
