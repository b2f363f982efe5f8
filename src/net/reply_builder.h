/* reply_builder.h - puts one reply tree together, child by child.
 *
 *     *2 $3 foo :42          begin(room)
 *                            text("foo") -> node, push(node)
 *                            push(42)
 *                            gather(first 0) -> node of the array
 *                            finish(node) -> the reply
 *
 * Children wait on a stack until their aggregate is complete. A large string is received
 * into a block of its own, which grows with what arrived and then becomes part of the tree
 * as it is.
 *
 * Threads:  none; the owner serialises.
 * Memory:   an idle builder holds at most HF_REPLY_BUILDER_IDLE_MAX bytes. Nodes point into
 *           the tree under way; hf_reply_builder_drop() frees it.
 * Cost:     one allocation for a short reply, amortised O(1) per child.
 * Errors:   HF_E_NOMEM; the builder is then as it was before the call. */

#ifndef HF_NET_REPLY_BUILDER_H
#define HF_NET_REPLY_BUILDER_H

#include "net/reply.h"

enum { HF_REPLY_BUILDER_IDLE_MAX = 1024 };

struct hf_reply_builder {
    const struct hf_allocator *allocator;
    struct hf_reply_tree      *tree;       /* NULL between replies. */
    char                      *front;      /* The free part of the latest block: children */
    char                      *back;       /* are taken from its front, text from its back. */
    size_t                     block_size; /* Of the latest block. */
    struct hf_reply           *stack;      /* Children whose aggregate is not complete. */
    uint32_t                   count;
    uint32_t                   capacity;
    struct hf_reply_block     *open; /* The large string under way, or NULL. */
    size_t                     open_size;
    size_t                     open_capacity;
};

void hf_reply_builder_init(struct hf_reply_builder *b, const struct hf_allocator *a);
void hf_reply_builder_deinit(struct hf_reply_builder *b);

/* Starts a tree, with room bytes for its children and text to begin with. */
HF_NODISCARD hf_err hf_reply_builder_begin(struct hf_reply_builder *b, size_t room);

/* Copies text into the tree. */
HF_NODISCARD hf_err hf_reply_builder_text(struct hf_reply_builder *b, enum hf_reply_type type,
                                          const char *text, size_t size,
                                          struct hf_reply *node);

/* Where the next bytes of the large string go, which has size > 0 more to come: at least
 * one, at most size. Starts the string when there is none. */
HF_NODISCARD hf_err hf_reply_builder_open_room(struct hf_reply_builder *b, size_t size,
                                               char **data, size_t *room);

/* Takes size bytes that were written there into the string. */
void hf_reply_builder_open_extend(struct hf_reply_builder *b, size_t size);

/* The last size bytes of the string. */
const char *hf_reply_builder_open_tail(const struct hf_reply_builder *b, size_t size);

/* Takes the last size bytes off again. */
void hf_reply_builder_open_trim(struct hf_reply_builder *b, size_t size);

/* The string is whole: it becomes a text of the tree. At least one byte was trimmed since it
 * was full, so that a NUL has room. */
struct hf_reply hf_reply_builder_open_close(struct hf_reply_builder *b,
                                            enum hf_reply_type       type);

/* Holds a value until its aggregate is complete. */
HF_NODISCARD hf_err hf_reply_builder_push(struct hf_reply_builder *b, struct hf_reply node);

/* Makes the values on the stack, from number first on, the children of an aggregate. */
HF_NODISCARD hf_err hf_reply_builder_gather(struct hf_reply_builder *b, uint32_t first,
                                            enum hf_reply_type type, struct hf_reply *node);

/* Gives the tree out; the stack is empty by now. */
struct hf_reply *hf_reply_builder_finish(struct hf_reply_builder *b, struct hf_reply root);

/* Frees what was built since begin, if anything. */
void hf_reply_builder_drop(struct hf_reply_builder *b);

#endif
