/* info.h - what a server says of itself: the answer to INFO, field by field.
 *
 *     struct info info;
 *     if (info_read(client, &info, &error) == HF_OK) {
 *         printf("%llu clients\n", info_count(&info, "connected_clients"));
 *         info_free(&info);
 *     }
 *
 * Memory:   holds the reply until info_free(), which is fine after a failure too.
 * Errors:   those of a call; an ACL may forbid to ask. A field that is not there is "" or 0.
 */

#ifndef CLI_INFO_H
#define CLI_INFO_H

#include <holdfast/client.h>

struct info {
    struct hf_reply *reply;
    const char      *text;
};

HF_NODISCARD hf_err info_read(struct hf_client *client, struct info *info,
                              struct hf_error *error);
void                info_free(struct info *info);

/* False where there is none. What does not fit is cut. */
bool     info_text(const struct info *info, const char *name, char *out, size_t size);
bool     info_has(const struct info *info, const char *name);
uint64_t info_count(const struct info *info, const char *name);
bool     info_is(const struct info *info, const char *name, const char *value);

/* Keys of all databases, and how many of them have a time to live. */
void info_keys(const struct info *info, uint64_t *keys, uint64_t *expiring);

#endif
