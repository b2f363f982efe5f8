/* json.h - one object on one line of standard output, written field by field.
 *
 *     json_begin();
 *     json_bytes("key", key);           "key":"..." or, if not UTF-8, "key_base64":"..."
 *     json_number("ttl_seconds", 12.5);
 *     json_end();
 *
 * Threads:  one object at a time, in one thread. */

#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <holdfast/bytes.h>
#include <stdbool.h>
#include <stdint.h>

void json_begin(void);
void json_end(void);

/* An object or list in it: json_open("checks", '['), for each member json_item() and
 * json_close('}'), json_close(']'). */
void json_open(const char *name, char bracket);
void json_item(void);
void json_element(const char *text); /* Of a list of texts. */
void json_close(char bracket);

void json_text(const char *name, const char *text);
void json_bytes(const char *name, struct hf_bytes bytes);
void json_bool(const char *name, bool value);
void json_count(const char *name, uint64_t value);
void json_number(const char *name, double value); /* With three decimals. */
void json_figure(const char *name, double value); /* Without, where there are none. */
void json_nothing(const char *name);

#endif
