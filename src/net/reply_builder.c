#include "net/reply_builder.h"

#include "core/alloc.h"
#include "core/assert.h"

#include <string.h>

enum {
    STACK_FIRST = HF_REPLY_BUILDER_IDLE_MAX / (int)sizeof(struct hf_reply),
    BLOCK_MAX = 32 * 1024,
    OPEN_FIRST = 64 * 1024,
    OPEN_GROWTH = 4,
    SLACK_MIN = 64, /* Less is not worth a call. */
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void check_invariant(const struct hf_reply_builder *b)
{
    hf_assert(b->front <= b->back);
    hf_assert(b->count <= b->capacity);
    hf_assert(b->open_size <= b->open_capacity);
    hf_assert(!b->open || b->tree);
}

void hf_reply_builder_init(struct hf_reply_builder *b, const struct hf_allocator *a)
{
    *b = (struct hf_reply_builder){ .allocator = a };
}

void hf_reply_builder_deinit(struct hf_reply_builder *b)
{
    hf_reply_builder_drop(b);
    hf_free(b->allocator, b->stack);
    hf_reply_builder_init(b, b->allocator);
}

hf_err hf_reply_builder_begin(struct hf_reply_builder *b, size_t room)
{
    hf_assert(!b->tree && b->count == 0);
    struct hf_reply_tree *tree = hf_alloc(b->allocator, sizeof *tree + room);
    if (!tree) return HF_E_NOMEM;

    tree->allocator = *b->allocator;
    tree->blocks = NULL;
    b->tree = tree;
    b->front = tree->data;
    b->back = tree->data + room;
    b->block_size = sizeof *tree + room;
    return HF_OK;
}

static void add_to_tree(struct hf_reply_builder *b, struct hf_reply_block *block)
{
    block->next = b->tree->blocks;
    b->tree->blocks = block;
}

static hf_err reserve(struct hf_reply_builder *b, size_t size)
{
    if (size <= (size_t)(b->back - b->front)) return HF_OK;

    const size_t           usual = smaller(b->block_size * 2, BLOCK_MAX);
    const size_t           total = larger(usual, sizeof(struct hf_reply_block) + size);
    struct hf_reply_block *block = hf_alloc(b->allocator, total);
    if (!block) return HF_E_NOMEM;

    add_to_tree(b, block);
    b->front = block->data;
    b->back = (char *)block + total;
    b->block_size = usual;
    return HF_OK;
}

hf_err hf_reply_builder_text(struct hf_reply_builder *b, enum hf_reply_type type,
                             const char *text, size_t size, struct hf_reply *node)
{
    const hf_err err = reserve(b, size + 1);
    if (err) return err;

    b->back -= size + 1;
    memcpy(b->back, text, size);
    b->back[size] = '\0';
    *node = hf_reply_sized(type, size, b->back);
    return HF_OK;
}

hf_err hf_reply_builder_open_room(struct hf_reply_builder *b, size_t size, char **data,
                                  size_t *room)
{
    hf_assert(size > 0);
    if (b->open_size == b->open_capacity) {
        const size_t           trusted = larger(OPEN_FIRST, b->open_size * OPEN_GROWTH);
        const size_t           capacity = smaller(b->open_size + size, trusted);
        struct hf_reply_block *block = hf_resize(b->allocator, b->open,
                                                 sizeof *block + capacity);
        if (!block) return HF_E_NOMEM;
        b->open = block;
        b->open_capacity = capacity;
    }
    *data = b->open->data + b->open_size;
    *room = smaller(size, b->open_capacity - b->open_size);
    return HF_OK;
}

void hf_reply_builder_open_extend(struct hf_reply_builder *b, size_t size)
{
    b->open_size += size;
    check_invariant(b);
}

const char *hf_reply_builder_open_tail(const struct hf_reply_builder *b, size_t size)
{
    hf_assert(size <= b->open_size);
    return b->open->data + b->open_size - size;
}

void hf_reply_builder_open_trim(struct hf_reply_builder *b, size_t size)
{
    hf_assert(size <= b->open_size);
    b->open_size -= size;
}

static void give_back_slack(struct hf_reply_builder *b)
{
    const size_t needed = b->open_size + 1;
    if (b->open_capacity - needed < needed / 8 + SLACK_MIN) return;

    struct hf_reply_block *block = hf_resize(b->allocator, b->open, sizeof *block + needed);
    if (block) b->open = block;
}

struct hf_reply hf_reply_builder_open_close(struct hf_reply_builder *b,
                                            enum hf_reply_type       type)
{
    hf_assert(b->open && b->open_size < b->open_capacity);
    give_back_slack(b);
    b->open->data[b->open_size] = '\0';
    add_to_tree(b, b->open);

    const struct hf_reply node = hf_reply_sized(type, b->open_size, b->open->data);
    b->open = NULL;
    b->open_size = b->open_capacity = 0;
    return node;
}

static hf_err grow_stack(struct hf_reply_builder *b)
{
    const uint32_t capacity = b->capacity ? b->capacity * 2 : STACK_FIRST;
    if (capacity < b->capacity) return HF_E_NOMEM;

    struct hf_reply *stack = hf_resize(b->allocator, b->stack,
                                       (size_t)capacity * sizeof *stack);
    if (!stack) return HF_E_NOMEM;
    b->stack = stack;
    b->capacity = capacity;
    return HF_OK;
}

hf_err hf_reply_builder_push(struct hf_reply_builder *b, struct hf_reply node)
{
    if (b->count == b->capacity) {
        const hf_err err = grow_stack(b);
        if (err) return err;
    }
    b->stack[b->count++] = node;
    return HF_OK;
}

hf_err hf_reply_builder_gather(struct hf_reply_builder *b, uint32_t first,
                               enum hf_reply_type type, struct hf_reply *node)
{
    hf_assert(first <= b->count);
    const size_t count = b->count - first;
    const size_t size = count * sizeof(struct hf_reply);
    const hf_err err = reserve(b, size);
    if (err) return err;

    struct hf_reply *children = (struct hf_reply *)(void *)b->front;
    if (count > 0) memcpy(children, b->stack + first, size);
    b->front += size;
    b->count = first;
    *node = hf_reply_sized(type, count, NULL);
    node->children = children;
    return HF_OK;
}

static void rest(struct hf_reply_builder *b)
{
    b->tree = NULL;
    b->front = b->back = NULL;
    b->count = 0;
    if (b->capacity > STACK_FIRST) {
        hf_free(b->allocator, b->stack);
        b->stack = NULL;
        b->capacity = 0;
    }
}

struct hf_reply *hf_reply_builder_finish(struct hf_reply_builder *b, struct hf_reply root)
{
    hf_assert(b->tree && !b->open && b->count == 0);
    struct hf_reply_tree *tree = b->tree;
    tree->root = root;
    rest(b);
    return &tree->root;
}

void hf_reply_builder_drop(struct hf_reply_builder *b)
{
    hf_free(b->allocator, b->open);
    b->open = NULL;
    b->open_size = b->open_capacity = 0;
    if (b->tree) hf_reply_tree_free(b->tree);
    rest(b);
}
