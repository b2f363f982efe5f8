/* reply.h - how a reply lies in memory.
 *
 *     tree:   [ allocator | blocks | root ][ children ...  -> <- ... text ]
 *                            |
 *     block:  [ next ][ children ...  -> <- ... text ]
 *                |
 *     block:  [ next ][ one large string ]
 *
 * The children of an aggregate lie side by side, so that reaching any of them is one
 * addition. Nothing in a finished tree moves or changes. A reply that is one short string
 * is one allocation.
 *
 * Threads:  a finished tree may be read by several at once.
 * Memory:   the tree remembers its allocator by value: it may outlive its client. */

#ifndef HF_NET_REPLY_H
#define HF_NET_REPLY_H

#include <holdfast/alloc.h>
#include <holdfast/reply.h>

struct hf_reply {
    uint64_t type : 8;  /* enum hf_reply_type. */
    uint64_t size : 56; /* Bytes of text without the NUL, or number of children. */
    union {
        int64_t                integer; /* INTEGER, BOOLEAN. */
        double                 number;  /* DOUBLE. */
        const char            *text;    /* NUL-terminated. */
        const struct hf_reply *children;
    };
};

struct hf_reply_block {
    struct hf_reply_block *next;
    char                   data[];
};

struct hf_reply_tree {
    struct hf_allocator    allocator;
    struct hf_reply_block *blocks; /* Further memory of this tree, or NULL. */
    struct hf_reply        root;
    char                   data[];
};

/* The node of a text, or of an aggregate when its children are then set. */
static inline struct hf_reply hf_reply_sized(enum hf_reply_type type, size_t size,
                                             const char *text)
{
    const uint64_t        size_mask = (UINT64_C(1) << 56) - 1;
    const struct hf_reply node = { .type = (uint8_t)type,
                                   .size = size & size_mask,
                                   .text = text };
    return node;
}

void hf_reply_tree_free(struct hf_reply_tree *tree);

#endif
