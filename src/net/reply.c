#include "net/reply.h"

#include "core/alloc.h"
#include "net/number.h"

#include <stddef.h>
#include <string.h>

static bool has_text(const struct hf_reply *node)
{
    switch (hf_reply_type(node)) {
    case HF_REPLY_STATUS:
    case HF_REPLY_ERROR:
    case HF_REPLY_STRING:
    case HF_REPLY_BIG_NUMBER:
    case HF_REPLY_VERBATIM: return true;
    default: return false;
    }
}

static bool has_children(const struct hf_reply *node)
{
    switch (hf_reply_type(node)) {
    case HF_REPLY_ARRAY:
    case HF_REPLY_MAP:
    case HF_REPLY_SET:
    case HF_REPLY_PUSH: return true;
    default: return false;
    }
}

static bool is_plain(const struct hf_reply *node)
{
    const enum hf_reply_type type = hf_reply_type(node);
    return type == HF_REPLY_STRING || type == HF_REPLY_STATUS;
}

void hf_reply_tree_free(struct hf_reply_tree *tree)
{
    const struct hf_allocator allocator = tree->allocator;
    struct hf_reply_block    *block = tree->blocks;
    while (block) {
        struct hf_reply_block *next = block->next;
        hf_free(&allocator, block);
        block = next;
    }
    hf_free(&allocator, tree);
}

void hf_reply_free(struct hf_reply *root)
{
    if (!root) return;
    char *tree = (char *)root - offsetof(struct hf_reply_tree, root);
    hf_reply_tree_free((struct hf_reply_tree *)(void *)tree);
}

enum hf_reply_type hf_reply_type(const struct hf_reply *node)
{
    return node ? (enum hf_reply_type)node->type : HF_REPLY_NULL;
}

const char *hf_reply_type_name(enum hf_reply_type type)
{
    static const char *const names[] = {
        [HF_REPLY_NULL] = "null",         [HF_REPLY_STATUS] = "status",
        [HF_REPLY_ERROR] = "error",       [HF_REPLY_INTEGER] = "integer",
        [HF_REPLY_STRING] = "string",     [HF_REPLY_DOUBLE] = "double",
        [HF_REPLY_BOOLEAN] = "boolean",   [HF_REPLY_BIG_NUMBER] = "big number",
        [HF_REPLY_VERBATIM] = "verbatim", [HF_REPLY_ARRAY] = "array",
        [HF_REPLY_MAP] = "map",           [HF_REPLY_SET] = "set",
        [HF_REPLY_PUSH] = "push",
    };
    const size_t count = sizeof names / sizeof names[0];
    return (size_t)type < count ? names[type] : "unknown";
}

hf_err hf_reply_bytes(const struct hf_reply *node, struct hf_bytes *bytes)
{
    if (!has_text(node)) return HF_E_TYPE;
    *bytes = hf_bytes(node->text, node->size);
    return HF_OK;
}

hf_err hf_reply_int(const struct hf_reply *node, int64_t *value)
{
    const enum hf_reply_type type = hf_reply_type(node);
    if (type == HF_REPLY_INTEGER || type == HF_REPLY_BOOLEAN) {
        *value = node->integer;
        return HF_OK;
    }
    if (!is_plain(node)) return HF_E_TYPE;
    return hf_number_int(node->text, node->size, value) ? HF_OK : HF_E_TYPE;
}

hf_err hf_reply_double(const struct hf_reply *node, double *value)
{
    switch (hf_reply_type(node)) {
    case HF_REPLY_DOUBLE: *value = node->number; return HF_OK;
    case HF_REPLY_INTEGER: *value = (double)node->integer; return HF_OK;
    default: break;
    }
    if (!is_plain(node)) return HF_E_TYPE;
    return hf_number_double(node->text, node->size, value) ? HF_OK : HF_E_TYPE;
}

bool hf_reply_is_null(const struct hf_reply *node)
{
    return hf_reply_type(node) == HF_REPLY_NULL;
}

bool hf_reply_is_text(const struct hf_reply *node, const char *text)
{
    if (!is_plain(node)) return false;
    const size_t size = strlen(text);
    return node->size == size && memcmp(node->text, text, size) == 0;
}

size_t hf_reply_count(const struct hf_reply *node)
{
    return has_children(node) ? node->size : 0;
}

const struct hf_reply *hf_reply_at(const struct hf_reply *node, size_t index)
{
    return index < hf_reply_count(node) ? &node->children[index] : NULL;
}

const struct hf_reply *hf_reply_get(const struct hf_reply *node, const char *key)
{
    const enum hf_reply_type type = hf_reply_type(node);
    if (type != HF_REPLY_MAP && type != HF_REPLY_ARRAY) return NULL;

    for (size_t i = 0; i + 1 < node->size; i += 2) {
        if (hf_reply_is_text(&node->children[i], key)) return &node->children[i + 1];
    }
    return NULL;
}
